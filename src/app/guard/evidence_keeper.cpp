// See evidence_keeper.hpp.
#include "app/guard/evidence_keeper.hpp"

#include "app/guard/evidence.hpp"
#include "base/log.hpp"
#include "incident/evidence_store.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

constexpr Millis kSilence{3'600'000};
constexpr Millis kInDoubt{50};  // an incident opens a moment after what it is about was seen
constexpr std::size_t kIdsRemembered = 1'000;

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

}  // namespace

runtime::Task<void> EvidenceKeeper::keep(std::string id) {
  const auto& seen = senses_.observation();
  const auto secrets = known_secrets(seen, secrets_);
  EvidenceParts parts{id, wall_now(), loop_.now(), seen, {}, secrets};
  auto known = ledger_.config_files();
  if (known) parts.settings = std::move(*known);
  auto document = evidence_json(parts);
  auto log = co_await instance_.recent_log();
  const auto path = log ? std::filesystem::path() : senses_.server_log();
  auto kept = co_await loop_.run_blocking([&]() -> Result<void> {
    if (!log && !path.empty()) log = runtime::read_file_tail(path, kEvidenceLogBytes).value_or("");
    document["server_log"] = evidence_log(log.value_or(""), secrets);
    return write(state_dir_, id, std::move(document));
  });
  if (!kept)
    log_warning("no evidence was kept", {{"incident", id}, {"why", kept.error().message()}});
}

runtime::Task<void> EvidenceKeeper::run() {
  while (true) {
    const auto pause = senses_.observation().healthy() ? kSilence : kInDoubt;
    static_cast<void>(co_await senses_.changed().wait_until(loop_.after(pause)));
    std::vector<std::string> fresh;
    for (const auto& tracked : conductor_.state().incidents)
      if (kept_.insert(tracked.id).second) fresh.push_back(tracked.id);
    for (auto& id : fresh) {
      if (incident::kept_evidence(state_dir_, id)) continue;  // of the guard before this one
      co_await keep(std::move(id));
    }
    if (kept_.size() > kIdsRemembered) kept_.clear();
  }
}

}  // namespace pgkeel::app
