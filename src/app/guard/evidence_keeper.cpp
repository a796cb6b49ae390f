// See evidence_keeper.hpp.
#include "app/guard/evidence_keeper.hpp"

#include "app/guard/evidence.hpp"
#include "app/replay.hpp"
#include "base/log.hpp"
#include "incident/evidence_store.hpp"
#include "runtime/files.hpp"
#include "sense/server_log.hpp"

namespace pgkeel::app {
namespace {

constexpr Millis kSilence{3'600'000};
constexpr Seconds kAppLogTime{900};
constexpr std::size_t kIdsRemembered = 1'000;
constexpr std::size_t kMomentTextMax = 2'000;  // rules look at the beginning
constexpr std::size_t kSecretFileBytesMax = 16U << 10U;

// What was cut within a character must not keep the whole from being written.
std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<void> write(const std::filesystem::path& state_dir, const std::string& id, Json document) {
  auto text = dumped(document);
  // The log is the largest part, and its beginning the least telling.
  auto& log = document["server_log"];
  while (text.size() > incident::kEvidenceBytesMax && log.size() > 1) {
    log.erase(log.begin(), log.begin() + static_cast<std::ptrdiff_t>((log.size() + 1) / 2));
    text = dumped(document);
  }
  return incident::keep_evidence(state_dir, id, text);
}

Json told(const diagnose::Moment& moment, const auto& incident,
          const std::vector<std::string>& secrets) {
  const auto scrub = [&secrets](std::string text) {
    text = scrubbed(std::move(text), secrets);
    if (text.size() > kMomentTextMax) text.resize(kMomentTextMax);
    return text;
  };
  return kept_moment(moment, diagnose::cause_info(incident.cause).name, incident.subject, scrub);
}

void warn(const std::string& id, const Error& error) {
  log_warning("no evidence was kept", {{"incident", id}, {"why", error.message()}});
}

void add_lines(const std::filesystem::path& file, std::vector<std::string>& secrets) {
  if (file.empty()) return;
  const auto text = runtime::read_file(file, kSecretFileBytesMax).value_or("");
  std::string_view rest = text;
  while (!rest.empty()) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    secrets.emplace_back(line.substr(first, line.find_last_not_of(" \t\r") + 1 - first));
  }
}

// From before the incident on: an application often sees a failure first.
Json app_logs_of(const Config& config) {
  Json logs = Json::array();
  for (const auto& log : config.app_logs)
    logs.push_back(evidence_app_log(sense::read_app_log(log.path, wall_now() - kAppLogTime)));
  return logs;
}

}  // namespace

std::vector<std::string> secrets_of(const Config& config) {
  std::vector<std::string> secrets = {config.application.password};
  for (const auto& alert : config.alerts) {
    secrets.push_back(alert.url);
    add_lines(alert.token_file, secrets);
  }
  for (const auto& file :
       {config.application.password_file, config.http.token_file,
        config.archive.store.credentials_file, config.archive.offsite.credentials_file,
        config.archive.encryption_key_file})
    add_lines(file, secrets);
  return secrets;
}

runtime::Task<void> EvidenceKeeper::keep(Wanted incident) {
  const auto& moment = incident.moment;
  auto of_config = co_await loop_.run_blocking([this] { return secrets_of(config_); });
  of_config.push_back(senses_.conninfo().password);
  const auto& seen = senses_.observation();
  const auto secrets = known_secrets(seen, std::move(of_config));
  EvidenceParts parts{incident.id, wall_now(), loop_.now(), seen, {}, secrets};
  auto known = ledger_.config_files();
  if (known) parts.settings = std::move(*known);
  auto document = evidence_json(parts);
  auto log = co_await instance_.recent_log();
  const auto path = log ? std::filesystem::path() : senses_.server_log();
  auto kept = co_await loop_.run_blocking([&]() -> Result<void> {
    if (!log && !path.empty()) log = runtime::read_file_tail(path, kEvidenceLogBytes).value_or("");
    document["server_log"] = evidence_log(sense::format_of(path), log.value_or(""), secrets);
    document["app_logs"] = app_logs_of(config_);
    if (moment) add_moment(document, told(*moment, incident, secrets));
    return write(config_.state_dir, incident.id, std::move(document));
  });
  if (!kept) warn(incident.id, kept.error());
}

// The rest stays as it was when the incident opened.
runtime::Task<void> EvidenceKeeper::keep_moment(Wanted incident) {
  const auto& moment = incident.moment;
  if (!moment) co_return;
  const auto password = senses_.conninfo().password;
  auto kept = co_await loop_.run_blocking([&]() -> Result<void> {
    auto of_config = secrets_of(config_);
    of_config.push_back(password);
    const auto secrets = known_secrets(moment->seen, std::move(of_config));
    TRY(text, incident::kept_evidence(config_.state_dir, incident.id));
    TRY(document, parse_json(text));
    add_moment(document, told(*moment, incident, secrets));
    return write(config_.state_dir, incident.id, std::move(document));
  });
  if (!kept) warn(incident.id, kept.error());
}

// Incidents whose cause, as it is named now, nothing was kept of.
std::vector<EvidenceKeeper::Wanted> EvidenceKeeper::wanted() {
  std::vector<Wanted> wanted;
  for (const auto& tracked : conductor_.state().incidents) {
    const auto [kept, is_new] = kept_.try_emplace(tracked.id, tracked.cause);
    if (!is_new && kept->second == tracked.cause) continue;
    kept->second = tracked.cause;
    wanted.push_back({tracked.id, tracked.cause, tracked.subject, tracked.moment});
  }
  return wanted;
}

// Looks before it waits: incidents taken up at the start, or opened while one was being kept.
runtime::Task<void> EvidenceKeeper::run() {
  while (true) {
    const auto known = kept_;
    auto fresh = wanted();
    for (auto& incident : fresh) {
      const bool has_evidence = incident::kept_evidence(config_.state_dir, incident.id).has_value();
      if (has_evidence && !known.contains(incident.id)) continue;  // of the guard before this one
      if (has_evidence) {
        co_await keep_moment(std::move(incident));
      } else {
        co_await keep(std::move(incident));
      }
    }
    if (!fresh.empty()) continue;
    if (kept_.size() > kIdsRemembered) kept_.clear();
    static_cast<void>(co_await conductor_.opened().wait_until(loop_.after(kSilence)));
  }
}

}  // namespace pgkeel::app
