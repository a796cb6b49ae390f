// See receiver.hpp.
#include "app/guard/receiver.hpp"

#include "app/guard/dump_schedule.hpp"
#include "app/shadow/places.hpp"
#include "archive/receive/receive.hpp"
#include "instance/instance.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Millis kLookEvery{1'000};
// The receiver writes its status at least every five seconds while it streams.
constexpr Seconds kStatusAgeMax{15};
constexpr const char* kReceiverLog = "receive.log";

CompanionSpec receiver_of(const Config& config) {
  return {.word = "receive",
          .name = "the WAL receiver",
          .lock_file = config.state_dir / archive::kReceiveLockFile,
          .log_file = config.state_dir / kReceiverLog};
}

}  // namespace

ReceiverKeeper::ReceiverKeeper(const Config& config, runtime::Loop& loop,
                               const sense::Senses& senses)
    : config_(config), loop_(loop), senses_(senses), process_(config, loop, receiver_of(config)) {}

// A server somewhere else is first asked what the role may.
bool ReceiverKeeper::may_receive() const {
  const auto& rights = senses_.observation().rights;
  if (config_.instance.kind != instance::Kind::Remote) return true;
  return rights.seen && !dumps_only(config_, rights);
}

bool ReceiverKeeper::streaming() const {
  using enum archive::ReceiveState;
  return running() && status_ && status_->pid == process_.pid() &&
         (status_->state == Streaming || status_->state == CatchingUp) &&
         wall_now() - status_->written_at < kStatusAgeMax;
}

Task<void> ReceiverKeeper::run() {
  if (!config_.archive.configured() || config_.mode == Mode::Advise) co_return;
  while (true) {
    auto status = archive::read_receive_status(config_.state_dir / archive::kReceiveStatusFile);
    status_ = status ? std::optional(*std::move(status)) : std::nullopt;
    if (!running()) {
      co_await process_.bury();
      adopt();
    }
    if (!running() && may_receive()) process_.start_when_due();
    else if (running() && outdated()) process_.replace("another configuration or program");
    static_cast<void>(co_await loop_.sleep_in_step(kLookEvery));
  }
}

void ReceiverKeeper::adopt() {
  if (status_ && status_->pid > 0 && status_->state != archive::ReceiveState::Stopped)
    process_.adopt(status_->pid);
}

bool ReceiverKeeper::outdated() const {
  if (!status_ || status_->pid != process_.pid()) return false;
  const bool sync = config_.archive.durability == Durability::Sync;
  const bool is_sync = status_->durability == archive::Durability::Sync;
  return sync != is_sync || status_->store != config_.archive.store.where ||
         status_->relays_in != relay_directory(config_) || process_.other_program();
}

}  // namespace pgkeel::app
