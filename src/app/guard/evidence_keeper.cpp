// See evidence_keeper.hpp.
#include "app/guard/evidence_keeper.hpp"

#include "app/guard/evidence.hpp"
#include "base/log.hpp"
#include "incident/evidence_store.hpp"
#include "runtime/files.hpp"
#include "sense/server_log.hpp"

namespace pgkeel::app {
namespace {

constexpr Millis kSilence{3'600'000};
constexpr std::size_t kIdsRemembered = 1'000;
constexpr std::size_t kSecretFileBytesMax = 16U << 10U;

// What was cut within a character must not keep the whole from being written.
std::string dumped(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
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

runtime::Task<void> EvidenceKeeper::keep(std::string id) {
  auto of_config = co_await loop_.run_blocking([this] { return secrets_of(config_); });
  of_config.push_back(senses_.conninfo().password);
  const auto& seen = senses_.observation();
  const auto secrets = known_secrets(seen, std::move(of_config));
  EvidenceParts parts{id, wall_now(), loop_.now(), seen, {}, secrets};
  auto known = ledger_.config_files();
  if (known) parts.settings = std::move(*known);
  auto document = evidence_json(parts);
  auto log = co_await instance_.recent_log();
  const auto path = log ? std::filesystem::path() : senses_.server_log();
  auto kept = co_await loop_.run_blocking([&]() -> Result<void> {
    if (!log && !path.empty()) log = runtime::read_file_tail(path, kEvidenceLogBytes).value_or("");
    document["server_log"] = evidence_log(sense::format_of(path), log.value_or(""), secrets);
    return write(config_.state_dir, id, std::move(document));
  });
  if (!kept)
    log_warning("no evidence was kept", {{"incident", id}, {"why", kept.error().message()}});
}

// Looks before it waits: incidents taken up at the start, or opened while one was being kept.
runtime::Task<void> EvidenceKeeper::run() {
  while (true) {
    std::vector<std::string> fresh;
    for (const auto& tracked : conductor_.state().incidents)
      if (kept_.insert(tracked.id).second) fresh.push_back(tracked.id);
    for (auto& id : fresh) {
      if (incident::kept_evidence(config_.state_dir, id)) continue;  // of the guard before this one
      co_await keep(std::move(id));
    }
    if (!fresh.empty()) continue;
    if (kept_.size() > kIdsRemembered) kept_.clear();
    static_cast<void>(co_await conductor_.opened().wait_until(loop_.after(kSilence)));
  }
}

}  // namespace pgkeel::app
