// See log_event.hpp.
#include "sense/log_event.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

namespace pgkeel::sense {
namespace {

// What these tell in their DETAIL is the users' own statements.
bool detail_is_a_statement(pg::Signature signature) {
  return signature == pg::Signature::ProcessKilled || signature == pg::Signature::ProcessCrashed ||
         signature == pg::Signature::Deadlock;
}

// A session writes its line as it tells of it.
constexpr Seconds kToldLateMost{5};
// What parts the words of a log_line_prefix: of a name with one of these the line may hold a piece.
constexpr std::string_view kParts = " ,:[]@=";

// As the record keeps what it is told, see pg::parse_ddl_line.
bool same_character(char logged, char told) {
  const auto byte = static_cast<unsigned char>(logged);
  if (logged == told) return true;
  return (byte >= 0x80 && told == '?') || ((byte < 0x20 || byte == 0x7f) && told == ' ');
}

bool same_name(std::string_view logged, std::string_view told) {
  if (logged.empty() || std::ranges::equal(logged, told, same_character)) return true;
  return told.find_first_of(kParts) != std::string_view::npos && told.contains(logged);
}

// RAISE LOG is everybody's: what the server itself says of the line is believed.
bool is_of_its_line(const pg::DdlLine& told, const pg::LogLine& line) {
  if (line.pid != 0 && told.pid != line.pid) return false;
  if (line.at && std::chrono::abs(told.at - *line.at) > kToldLateMost) return false;
  return same_name(line.user, told.login) && same_name(line.database, told.database);
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
  if (told && !is_of_its_line(*told, line)) return std::nullopt;
  return told;
}

}  // namespace pgkeel::sense
