// See held_guard.hpp.
#include "app/archive/held_guard.hpp"

#include <fmt/format.h>

#include "app/api_client.hpp"
#include "incident/ledger.hpp"
#include "instance/data_dir.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

// Longer than any restore should take; a command that was killed leaves it paused no longer.
constexpr Millis kPauseFor{24 * 3'600'000};

}  // namespace

Result<HeldGuard> HeldGuard::hold(const Config& config, const fs::path& place) {
  HeldGuard held(config);
  GuardClient guard(config);
  const auto status = guard.get("/api/v1/status");
  if (!status && status.error().code == ErrorCode::GuardNotRunning) {
    TRY_VOID(held.keep_from_starting(place));
    return held;
  }
  if (!status) return fail(status.error());
  if (flag_of(*status, "paused")) return held;
  if (text_of(*status, "state") == "recovering")
    return fail(Error(ErrorCode::WrongState, "the guard is repairing the instance now")
                    .with_hint("Wait until it has ended, or 'pgkeel pause' first."));
  TRY_VOID(guard.post("/api/v1/pause", {{"for_ms", kPauseFor.count()}}));
  held.paused_ = true;
  return held;
}

Result<void> HeldGuard::keep_from_starting(const fs::path& place) {
  TRY_VOID(runtime::ensure_directory(config_->state_dir, {.mode = 0700, .owner = {}}));
  TRY(store, incident::Store::open(config_->state_dir));
  store_ = std::move(store);
  std::error_code error;
  if (!fs::is_directory(place, error)) return {};
  auto lock = runtime::FileLock::acquire(place / ".", "pgkeel restore");
  if (!lock)
    return fail(std::move(lock).error().with_hint(
        "A guard with another state directory owns this instance: stop it, or use its "
        "configuration."));
  lock_.emplace(*std::move(lock));
  return {};
}

Result<std::optional<SystemId>> HeldGuard::known_cluster() const {
  if (!store_) return std::nullopt;
  TRY(identity, incident::Ledger(*store_).identity());
  if (!identity) return std::nullopt;
  return identity->system_id;
}

Result<void> HeldGuard::learn_anew(const archive::InPlaceJob& job) {
  if (!store_) return {};
  incident::Ledger ledger(*store_);
  TRY(known, ledger.identity());
  if (!known) return {};
  TRY(control, instance::read_control_file(job.place));
  auto identity = *known;
  identity.timeline = control.timeline;
  identity.last_lsn = control.checkpoint;
  identity.seen_at = wall_now();
  return ledger.accept_identity(
      identity, fmt::format("{}: pgkeel restore --in-place to {}", who_asks(), job.target));
}

Result<void> HeldGuard::release() {
  if (!paused_) return {};
  TRY_VOID(GuardClient(*config_).post("/api/v1/resume", Json::object()));
  paused_ = false;
  return {};
}

}  // namespace pgkeel::app
