// See shadow_keeper.hpp.
#include "app/guard/shadow_keeper.hpp"

#include <fmt/format.h>

#include "app/guard/shadow_troubles.hpp"
#include "app/shadow/places.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Millis kLookEvery{1'000};
constexpr Seconds kStatusAgeMax{30};  // it is written twice a second; a build may hold it up
constexpr const char* kShadowLog = "shadow.log";
constexpr std::string_view kNotHere = "not for an instance of this kind yet";

CompanionSpec shadow_of(const Config& config) {
  return {.word = "shadow",
          .name = "the shadow",
          .lock_file = config.state_dir / "jobs" / "shadow.lock",
          .log_file = config.state_dir / kShadowLog};
}

std::string kept_from(const shadow::ShadowStatus& status) {
  if (!status.kept_until) return {};
  return fmt::format(", kept from '{}' until {}", status.kept_from, to_iso8601(*status.kept_until));
}

std::string words_of(const shadow::ShadowStatus& status, std::uint64_t lag_bytes) {
  using enum shadow::ShadowState;
  switch (status.state) {
    case Building:
      return fmt::format("being built: {} of {}", format_size(status.bytes),
                         format_size(status.bytes_all));
    case Starting: return "replaying since its backup " + status.backup;
    case Following:
      return fmt::format("follows at {}, {} behind{}", to_string(status.replayed_lsn),
                         format_size(lag_bytes), kept_from(status));
    case Held:
    case Waiting: return status.problem ? status.problem->message : "waits";
    case Stopped: return "stopped";
  }
  return {};
}

}  // namespace

ShadowKeeper::ShadowKeeper(const Config& config, runtime::Loop& loop,
                           const ReceiverKeeper& receiver)
    : config_(config),
      loop_(loop),
      receiver_(receiver),
      process_(config, loop, shadow_of(config)) {}

Task<void> ShadowKeeper::run() {
  if (!config_.archive.configured() || config_.mode == Mode::Advise) co_return;
  while (true) {
    auto status = shadow::read_shadow_status(config_.state_dir / shadow::kShadowStatusFile);
    status_ = status ? std::optional(*std::move(status)) : std::nullopt;
    if (!process_.running()) {
      co_await process_.bury();
      adopt();
    }
    if (!shadow_may_run(config_)) {
      if (process_.running()) process_.replace("no shadow is configured");
      co_return;
    }
    if (!process_.running()) process_.start_when_due();
    else if (outdated()) process_.replace("another configuration or program");
    static_cast<void>(co_await loop_.sleep_in_step(kLookEvery));
  }
}

bool ShadowKeeper::outdated() const {
  if (!status_ || status_->pid != process_.pid()) return false;
  return status_->data_dir != shadow_data_directory(config_).string() || process_.other_program();
}

void ShadowKeeper::adopt() {
  if (status_ && status_->pid > 0 && status_->state != shadow::ShadowState::Stopped)
    process_.adopt(status_->pid);
}

std::optional<sense::ArchiveTrouble> ShadowKeeper::trouble() const {
  if (config_.mode == Mode::Advise || !shadow_may_run(config_)) return std::nullopt;
  return shadow_trouble(status_, wall_now());
}

std::optional<serve::Protection> ShadowKeeper::protection() const {
  if (!config_.shadow.enabled) return std::nullopt;
  serve::Protection protection;
  protection.note = shadow_may_run(config_) ? "not running" : std::string(kNotHere);
  if (!status_ || wall_now() - status_->written_at > kStatusAgeMax) return protection;
  const auto server_lsn = receiver_.status() ? receiver_.status()->server_lsn : Lsn{};
  const auto behind = server_lsn > status_->replayed_lsn
                          ? server_lsn.value - status_->replayed_lsn.value
                          : std::uint64_t{0};
  protection.note = words_of(*status_, behind);
  protection.ok = status_->state == shadow::ShadowState::Following;
  if (protection.ok) protection.lag_bytes = behind;
  return protection;
}

}  // namespace pgkeel::app
