// See evidence.hpp.
#include "app/guard/evidence.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "incident/redact.hpp"

namespace pgkeel::app {
namespace {

using Secrets = std::vector<std::string>;

constexpr std::size_t kItemsMax = 50;       // of each list
constexpr std::size_t kTextMax = 2'000;     // of each text
constexpr std::size_t kSecretBytesMin = 3;  // shorter ones would tear every word apart
constexpr std::size_t kLinesMax = 2'000;

// Variables whose values tell what a server is and nothing secret; all others are masked.
constexpr auto kPlainVariables =
    std::to_array<std::string_view>({"PGDATA", "PG_MAJOR", "PG_VERSION", "POSTGRES_DB",
                                     "POSTGRES_USER", "LANG", "TZ", "POSTGRES_HOST_AUTH_METHOD"});

bool is_plain(std::string_view variable) {
  return std::ranges::find(kPlainVariables, variable) != kPlainVariables.end();
}

bool looks_secret(std::string_view variable) {
  std::string name(variable);
  for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::any_of(std::to_array<std::string_view>(
                                 {"pass", "pwd", "secret", "token", "key", "cred", "url", "dsn"}),
                             [&name](std::string_view word) { return name.contains(word); });
}

std::string text_of_item(std::string text, const Secrets& secrets) {
  if (text.size() > kTextMax) text.resize(kTextMax);
  return scrubbed(std::move(text), secrets);
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
      variables[name] =
          is_plain(name) ? text_of_item(value, secrets) : std::string(incident::kMask);
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

// Statements and values are the users': those lines, and what goes on below them, stay out.
bool is_of_users(std::string_view line) {
  return std::ranges::any_of(
      std::to_array<std::string_view>({"STATEMENT:", "DETAIL:", "statement:", "execute ",
                                       "QUERY:", "CONTEXT:", "parameters:", "duration:"}),
      [line](std::string_view word) { return line.contains(word); });
}

// Comments would fill it; commands of the operator's may hold anything.
Json settings_json(const EvidenceParts& parts, const Secrets& secrets) {
  Json files = Json::object();
  for (const auto& file : parts.settings) {
    Json lines = Json::array();
    std::string_view rest = std::string_view(file.content).substr(0, kEvidenceSettingsBytes);
    while (!rest.empty() && lines.size() < kLinesMax) {
      auto line = take_line(rest);
      const auto first = line.find_first_not_of(" \t\r");
      if (first == std::string_view::npos || line[first] == '#') continue;
      line.remove_prefix(first);
      if (line.starts_with("ssl_passphrase_command")) line = "ssl_passphrase_command = ********";
      lines.push_back(text_of_item(std::string(line), secrets));
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

Json evidence_log(std::string_view log, const std::vector<std::string>& secrets) {
  Json lines = Json::array();
  if (log.size() > kEvidenceLogBytes) log.remove_prefix(log.size() - kEvidenceLogBytes);
  bool of_users = false;
  while (!log.empty() && lines.size() < kLinesMax) {
    const auto line = take_line(log);
    if (!line.starts_with('\t')) of_users = is_of_users(line);
    if (!of_users && !line.empty()) lines.push_back(text_of_item(std::string(line), secrets));
  }
  return lines;
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
