// See log_event.hpp.
#include "sense/log_event.hpp"

namespace pgkeel::sense {
namespace {

// What these tell in their DETAIL is the users' own statements.
bool detail_is_a_statement(pg::Signature signature) {
  return signature == pg::Signature::ProcessKilled || signature == pg::Signature::ProcessCrashed ||
         signature == pg::Signature::Deadlock;
}

}  // namespace

LogEvent to_event(pg::Signature signature, const pg::LogLine& line) {
  LogEvent event;
  event.at = line.at;
  event.signature = signature;
  event.severity = line.severity;
  event.pid = line.pid;
  event.sqlstate = line.sqlstate;
  event.text = line.message;
  if (!line.detail.empty() && !detail_is_a_statement(signature))
    event.text += " (" + line.detail + ")";
  if (event.text.size() > kEventTextMax) event.text.resize(kEventTextMax);
  event.user = line.user;
  event.database = line.database;
  event.application = line.application;
  return event;
}

std::optional<pg::DdlLine> ddl_of(const pg::LogLine& line) {
  if (line.severity != pg::LogSeverity::Log && line.severity != pg::LogSeverity::Unknown)
    return std::nullopt;
  auto told = pg::parse_ddl_line(line.message);
  if (told && line.pid != 0 && told->pid != line.pid) return std::nullopt;
  return told;
}

}  // namespace pgkeel::sense
