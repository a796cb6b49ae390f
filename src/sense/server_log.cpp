// See server_log.hpp.
#include "sense/server_log.hpp"

#include "runtime/files.hpp"

namespace pgkeel::sense {
namespace {

constexpr std::size_t kEntriesMax = 50;  // the first ones explain; the rest is collateral

bool asks_to_stop(pg::Signature signature) {
  return signature == pg::Signature::ShutdownFast || signature == pg::Signature::ShutdownSmart ||
         signature == pg::Signature::ShutdownImmediate;
}

bool begins_anew(pg::Signature signature) {
  return signature == pg::Signature::Ready || signature == pg::Signature::ReadyReadOnly;
}

std::string words(const pg::LogLine& line) {
  auto text = line.message;
  if (!line.detail.empty()) text += " (" + line.detail + ")";
  return text;
}

}  // namespace

pg::ServerLogFormat format_of(const std::filesystem::path& path) {
  if (path.extension() == ".csv") return pg::ServerLogFormat::Csv;
  if (path.extension() == ".json") return pg::ServerLogFormat::Json;
  return pg::ServerLogFormat::Stderr;
}

ServerLogFacts server_log_facts(pg::ServerLogFormat format, std::string_view tail, SteadyTime now) {
  ServerLogFacts facts;
  facts.at = now;
  for (const auto& line : pg::parse_log(format, tail)) {
    const auto signature = pg::classify(line);
    if (!signature) continue;
    if (*signature == pg::Signature::SyncWaitCanceled) continue;  // many, and explains no end
    if (begins_anew(*signature)) facts.entries.clear();
    else if (facts.entries.size() < kEntriesMax || asks_to_stop(*signature))
      facts.entries.push_back({*signature, words(line)});
  }
  return facts;
}

ServerLogFacts read_server_log(const std::filesystem::path& path, SteadyTime now) {
  const auto tail = runtime::read_file_tail(path, kServerLogTailBytes);
  if (!tail) return ServerLogFacts{now, {}};
  return server_log_facts(format_of(path), *tail, now);
}

}  // namespace pgkeel::sense
