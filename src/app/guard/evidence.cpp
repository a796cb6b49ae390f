// See evidence.hpp.
#include "app/guard/evidence.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "diagnose/moment.hpp"
#include "incident/redact.hpp"

namespace pgkeel::app {
namespace {

using Secrets = std::vector<std::string>;

constexpr std::size_t kItemsMax = 50;       // of each list
constexpr std::size_t kTextMax = 2'000;     // of each text
constexpr std::size_t kSecretBytesMin = 3;  // shorter ones would tear every word apart
constexpr std::size_t kLinesMax = 2'000;

std::string lower(std::string_view text) {
  std::string low(text);
  for (auto& c : low) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return low;
}

bool looks_secret(std::string_view variable) {
  const auto name = lower(variable);
  return std::ranges::any_of(std::to_array<std::string_view>(
                                 {"pass", "pwd", "secret", "token", "key", "cred", "url", "dsn"}),
                             [&name](std::string_view word) { return name.contains(word); });
}

std::string text_of_item(std::string text, const Secrets& secrets) {
  // In this order: half a secret would not be known any more.
  text = scrubbed(std::move(text), secrets);
  if (text.size() > kTextMax) text.resize(kTextMax);
  return text;
}

std::string age(const EvidenceParts& parts, SteadyTime then) {
  if (then == SteadyTime{}) return "never";
  return humane_duration(std::chrono::duration_cast<Millis>(parts.now - then)) + " ago";
}

Json probe_json(const EvidenceParts& parts, const sense::ProbeFacts& probe,
                const Secrets& secrets) {
  return {{"result", to_string(probe.result)}, {"at", age(parts, probe.at)},
          {"sqlstate", probe.sqlstate},        {"note", text_of_item(probe.note, secrets)},
          {"failures", probe.failures},        {"last_ok", age(parts, probe.last_ok_at)}};
}

std::string_view word_of(sense::ProcessState state) {
  switch (state) {
    case sense::ProcessState::Running: return "running";
    case sense::ProcessState::Stopped: return "stopped";
    case sense::ProcessState::Absent: return "absent";
    case sense::ProcessState::Unknown: break;
  }
  return "unknown";
}

Json process_json(const EvidenceParts& parts) {
  const auto& process = parts.seen.process;
  return {{"state", word_of(process.state)},
          {"pid", process.pid},
          {"found", age(parts, process.found_at)},
          {"died", process.died_at ? Json(age(parts, *process.died_at)) : Json(nullptr)},
          {"exit", process.exit ? Json(process.exit->describe()) : Json(nullptr)},
          {"libc", process.libc},
          {"oom_kill", process.oom_kill}};
}

Json files_json(const EvidenceParts& parts, const Secrets& secrets) {
  const auto& files = parts.seen.files;
  Json changed = Json::array();
  for (const auto& path : files.config_changed) changed.push_back(path);
  const auto& control = files.data_dir.control;
  return {{"seen", files.seen},
          {"detail", text_of_item(files.data_dir.detail, secrets)},
          {"system_id", control ? Json(to_string(control->system_id)) : Json(nullptr)},
          {"clean", control ? Json(pg::is_clean(control->state)) : Json(nullptr)},
          {"config_changed", std::move(changed)},
          {"config_error", text_of_item(files.config_error.value_or(""), secrets)}};
}

Json catalog_json(const EvidenceParts& parts) {
  Json databases = Json::array();
  for (const auto& database : parts.seen.catalog.databases)
    if (databases.size() < kItemsMax)
      databases.push_back({{"name", database.name}, {"bytes", database.size_bytes}});
  return {{"at", age(parts, parts.seen.catalog.at)}, {"databases", std::move(databases)}};
}

Json activity_json(const EvidenceParts& parts) {
  const auto& activity = parts.seen.activity;
  Json groups = Json::array();
  for (const auto& group : activity.groups)
    groups.push_back({{"role", group.user},
                      {"application", group.application},
                      {"database", group.database},
                      {"state", group.state},
                      {"sessions", group.sessions}});
  Json transactions = Json::array();
  for (const auto& one : activity.transactions)
    transactions.push_back({{"pid", one.pid},
                            {"role", one.user},
                            {"application", one.application},
                            {"state", one.state},
                            {"open_s", one.open_for.count()},
                            {"blocks", one.blocks}});
  return {{"at", age(parts, activity.at)},
          {"connections", std::move(groups)},
          {"transactions", std::move(transactions)}};
}

Json host_json(const EvidenceParts& parts) {
  const auto& host = parts.seen.host;
  Json spaces = Json::array();
  for (const auto& space : host.spaces)
    spaces.push_back({{"role", to_string(space.role)},
                      {"path", space.path.string()},
                      {"bytes_free", space.room.bytes_free},
                      {"bytes_total", space.room.bytes_total},
                      {"inodes_free", space.room.inodes_free},
                      {"read_only", space.read_only}});
  return {{"at", age(parts, host.at)},
          {"spaces", std::move(spaces)},
          {"memory_bytes", host.memory_bytes},
          {"memory_available_bytes", host.memory_available_bytes},
          {"oom_kills", host.group ? Json(host.group->oom_kills) : Json(nullptr)},
          {"booted_at", host.booted_at ? Json(to_iso8601(*host.booted_at)) : Json(nullptr)},
          {"io_stall", host.io_stall ? Json(*host.io_stall) : Json(nullptr)}};
}

Json environment_json(const instance::ContainerFacts& container, const Secrets& secrets) {
  Json variables = Json::object();
  for (const auto& [name, value] : container.environment)
    if (variables.size() < kItemsMax)
      variables[name] = diagnose::is_plain_variable(name) ? text_of_item(value, secrets)
                                                          : std::string(incident::kMask);
  return variables;
}

Json engine_json(const EvidenceParts& parts, const Secrets& secrets) {
  const auto& hosting = parts.seen.hosting;
  if (!hosting.facts) return nullptr;
  const auto& container = hosting.facts->container;
  Json mounts = Json::array();
  for (const auto& mount : container.mounts)
    mounts.push_back({{"type", mount.type},
                      {"name", mount.name},
                      {"source", mount.source.string()},
                      {"destination", mount.destination.string()}});
  Json words = Json::array();
  for (const auto& word : hosting.words)
    words.push_back({{"at", age(parts, word.at)}, {"text", text_of_item(word.text, secrets)}});
  return {{"exists", hosting.facts->exists},
          {"error", text_of_item(hosting.facts->error, secrets)},
          {"name", container.name},
          {"status", container.status},
          {"exit_code", container.exit_code},
          {"oom_killed", container.oom_killed},
          {"restart_count", container.restart_count},
          {"created_at", container.created_at},
          {"started_at", container.started_at},
          {"image", container.image},
          {"image_digest", container.image_digest},
          {"restart_policy", to_string(container.restart_policy)},
          {"environment", environment_json(container, secrets)},
          {"mounts", std::move(mounts)},
          {"events", std::move(words)}};
}

std::string_view take_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  const auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

// First words of statements: what a message has from there on is the users', in any language.
constexpr auto kStatementWords = std::to_array<std::string_view>(
    {"abort",   "alter",    "analyze", "begin",   "call",    "checkpoint", "close",    "cluster",
     "comment", "commit",   "copy",    "create",  "declare", "deallocate", "delete",   "discard",
     "do",      "drop",     "end",     "execute", "explain", "fetch",      "grant",    "import",
     "insert",  "listen",   "load",    "lock",    "merge",   "move",       "notify",   "prepare",
     "reindex", "reassign", "refresh", "release", "reset",   "revoke",     "rollback", "savepoint",
     "select",  "set",      "show",    "start",   "table",   "truncate",   "unlisten", "update",
     "vacuum",  "values",   "with"});

bool begins_statement(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n(;");
  if (first == std::string_view::npos) return false;
  text.remove_prefix(first);
  if (text.starts_with("--") || text.starts_with("/*")) return true;
  const auto end = std::ranges::find_if(
      text, [](unsigned char c) { return std::isalpha(c) == 0 && c < 0x80U && c != '_'; });
  const auto word = lower(std::string_view(text.begin(), end));
  return std::ranges::find(kStatementWords, word) != kStatementWords.end();
}

// Where a message goes over into a statement: "duration: 1 ms  statement: select", "Anweisung:
// ...".
std::size_t statement_in(std::string_view message) {
  if (message.starts_with("duration:")) return std::min(message.find(" ms") + 3, message.size());
  for (const std::string_view start : {"statement:", "execute ", "AUDIT:", "fastpath "})
    if (message.starts_with(start)) return start.size();
  for (auto colon = message.find(':'); colon != std::string_view::npos;
       colon = message.find(':', colon + 1))
    if (begins_statement(message.substr(colon + 1))) return colon + 1;
  return message.size();
}

// What these complain of is a value or a piece of a statement.
bool quotes_users(const pg::LogLine& event) {
  if (event.sqlstate.starts_with("22") || event.sqlstate == "42601") return true;
  if (event.severity != pg::LogSeverity::Error) return false;
  return std::ranges::any_of(
      std::to_array<std::string_view>(
          {"at or near", "invalid input", "invalid value", "out of range"}),
      [&event](std::string_view word) { return event.message.contains(word); });
}

std::string message_of(const pg::LogLine& event) {
  std::string_view message = event.message;
  if (quotes_users(event)) message = message.substr(0, message.find_first_of("\"':\xc2\xe2"));
  message = message.substr(0, statement_in(message));
  return std::string(message) + (message.size() < event.message.size() ? " ..." : "");
}

// Of stderr, a line whose severity is not known may be a STATEMENT in another language, or what is
// left of one; other programs' lines ("cp: cannot stat") have neither time nor mark. Records of
// csvlog and jsonlog without a process are pieces of records.
bool is_whole(const pg::LogLine& event, pg::ServerLogFormat format, bool first) {
  if (format != pg::ServerLogFormat::Stderr) return event.pid > 0;
  if (event.severity != pg::LogSeverity::Unknown) return true;
  const bool marked = event.at || event.pid > 0 || event.message.contains(":  ");
  return !first && !marked && !event.message.starts_with('\t');
}

std::string line_of(const pg::LogLine& event) {
  std::string line;
  if (event.at) line += to_iso8601(*event.at) + ' ';
  if (event.pid > 0) line += fmt::format("[{}] ", event.pid);
  if (event.severity != pg::LogSeverity::Unknown)
    line += fmt::format("{}: ", to_string(event.severity));
  if (!event.sqlstate.empty()) line += event.sqlstate + ": ";
  return line + message_of(event);
}

// Commands of the operator's may hold anything; names of settings are of any case.
bool is_command(std::string_view line) {
  return lower(line.substr(0, line.find_first_of(" \t='"))).ends_with("_command");
}

std::string setting_of(std::string_view line, const Secrets& secrets) {
  if (!is_command(line)) return text_of_item(std::string(line), secrets);
  return fmt::format("{} = {}", line.substr(0, std::min(line.find_first_of(" \t='"), kTextMax)),
                     incident::kMask);
}

// Comments would fill it. What the limit cuts through is left out: it may be half a secret.
Json settings_json(const EvidenceParts& parts, const Secrets& secrets) {
  Json files = Json::object();
  for (const auto& file : parts.settings) {
    Json lines = Json::array();
    std::string_view rest = file.content;
    if (rest.size() > kEvidenceSettingsBytes)
      rest = rest.substr(0, rest.rfind('\n', kEvidenceSettingsBytes) + 1);
    while (!rest.empty() && lines.size() < kLinesMax) {
      auto line = take_line(rest);
      const auto first = line.find_first_not_of(" \t\r");
      if (first == std::string_view::npos || line[first] == '#') continue;
      line.remove_prefix(first);
      lines.push_back(setting_of(line, secrets));
    }
    files[file.path] = std::move(lines);
  }
  return files;
}

}  // namespace

std::string scrubbed(std::string text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    for (auto at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + incident::kMask.size()))
      text.replace(at, secret.size(), incident::kMask);
  }
  return incident::redact(text);
}

std::vector<std::string> known_secrets(const sense::Observation& seen,
                                       std::vector<std::string> secrets) {
  if (const auto& facts = seen.hosting.facts)
    for (const auto& [name, value] : facts->container.environment)
      if (looks_secret(name)) secrets.push_back(value);
  std::erase_if(secrets, [](const std::string& one) { return one.size() < kSecretBytesMin; });
  // A secret that holds another one goes first.
  std::ranges::sort(secrets, std::ranges::greater{}, [](const auto& one) { return one.size(); });
  return secrets;
}

Json evidence_log(pg::ServerLogFormat format, std::string_view log,
                  const std::vector<std::string>& secrets) {
  // A text of this size is the end of a longer one: its first line is cut.
  if (log.size() >= kEvidenceLogBytes) {
    log.remove_prefix(log.size() - kEvidenceLogBytes);
    take_line(log);
  }
  const auto events = pg::parse_log(format, log);
  std::vector<std::string> lines;
  for (const auto& event : events)
    if (is_whole(event, format, &event == &events.front()))
      lines.push_back(text_of_item(line_of(event), secrets));
  if (lines.size() > kLinesMax)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kLinesMax));
  return lines;
}

Json evidence_app_log(const sense::AppLog& log) {
  Json troubles = Json::array();
  const auto newest = std::span(log.events).last(std::min(log.events.size(), kItemsMax));
  for (const auto& event : newest)
    troubles.push_back({{"at", event.at ? Json(to_iso8601(*event.at)) : Json(nullptr)},
                        {"trouble", to_string(event.trouble)}});
  return {{"path", log.path},
          {"unavailable", log.unavailable},
          {"cut", log.cut || newest.size() < log.events.size()},
          {"troubles", std::move(troubles)}};
}

Json evidence_json(const EvidenceParts& parts) {
  const auto& secrets = parts.secrets;
  Json entries = Json::array();
  for (const auto& entry : parts.seen.server_log.entries)
    entries.push_back(text_of_item(entry.text, secrets));
  return {{"incident", parts.incident},
          {"taken_at", to_iso8601(parts.taken_at)},
          {"process", process_json(parts)},
          {"login", probe_json(parts, parts.seen.login, secrets)},
          {"write", probe_json(parts, parts.seen.write, secrets)},
          {"files", files_json(parts, secrets)},
          {"catalog", catalog_json(parts)},
          {"activity", activity_json(parts)},
          {"host", host_json(parts)},
          {"engine", engine_json(parts, secrets)},
          {"log_since_ready", std::move(entries)},
          {"server_log", Json::array()},
          {"settings", settings_json(parts, secrets)}};
}

}  // namespace pgkeel::app
