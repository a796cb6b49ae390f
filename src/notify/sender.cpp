// See sender.hpp.
#include "notify/sender.hpp"

#include "base/check.hpp"
#include "base/log.hpp"

namespace pgkeel::notify {

using incident::SpooledAlert;
using runtime::Task;

Sender::Sender(runtime::Loop& loop, incident::AlertStore& store, runtime::WebClient& client,
               ChannelOptions options, Origin origin)
    : loop_(loop),
      store_(store),
      client_(client),
      options_(std::move(options)),
      origin_(std::move(origin)),
      poked_(loop) {
  const auto* kind = channel_kind(options_.kind);
  CHECK(kind != nullptr);
  channel_ = kind->make(options_);
  status_.name = options_.name;
  status_.kind = options_.kind;
}

void Sender::hold(SpooledAlert message) {
  if (held_.size() >= kHeldMax) held_.pop_front();
  held_.push_back(std::move(message));
}

ChannelStatus Sender::status() const {
  auto status = status_;
  const auto depth = store_.depth(options_.name);
  status.waiting = (depth ? depth->messages : 0) + static_cast<std::int64_t>(held_.size());
  return status;
}

// What is on disk is older than what the disk would not take.
Result<std::optional<SpooledAlert>> Sender::next() const {
  auto spooled = store_.next(options_.name);
  if (spooled && *spooled) return spooled;
  if (!held_.empty()) return held_.front();
  return spooled;
}

Task<void> Sender::run() {
  while (true) {
    auto message = next();
    if (!message) {
      note_failure({Verdict::TryLater, message.error().message(), {}});
      co_await pause({});
    } else if (!*message) {
      static_cast<void>(co_await poked_.wait_until(runtime::kNever));
    } else {
      co_await deliver(std::move(**message));
    }
  }
}

Task<Outcome> Sender::attempt(SpooledAlert message) {
  const auto notice = notice_from_json(message.content);
  if (!notice) {
    log_error("spooled alert not readable; dropped", {{"channel", options_.name}});
    co_return Outcome{Verdict::Delivered, {}, {}};
  }
  auto origin = origin_;
  const auto depth = store_.depth(options_.name);
  if (depth) origin.dropped = depth->dropped;
  auto outcome = co_await send_notice(&client_, channel_.get(), *notice, std::move(origin));
  co_return outcome;
}

Result<void> Sender::remove(const SpooledAlert& message) {
  if (message.id != 0) return store_.remove(message);
  if (!held_.empty()) held_.pop_front();
  return {};
}

Task<void> Sender::deliver(SpooledAlert message) {
  Outcome outcome{Verdict::Delivered, {}, {}};
  if (message.id == 0 || message.id != delivered_id_) outcome = co_await attempt(message);
  if (outcome.verdict != Verdict::Delivered) note_failure(outcome);
  const bool given_up = is_given_up(outcome, attempts_);
  if (given_up)
    log_error("alert dropped: the channel refuses it",
              {{"channel", options_.name}, {"why", outcome.words}});
  if (outcome.verdict != Verdict::Delivered && !given_up) {
    co_await pause(outcome.retry_after);
    co_return;
  }
  delivered_id_ = message.id;
  const auto removed = remove(message);
  if (!removed) {
    note_failure({Verdict::TryLater, removed.error().message(), {}});
    co_await pause({});
    co_return;
  }
  if (!given_up) {
    ++status_.delivered;
    status_.last_failure.clear();
    log_info("alert delivered", {{"channel", options_.name}});
  }
  attempts_ = 0;
}

void Sender::note_failure(const Outcome& outcome) {
  ++attempts_;
  ++status_.failures;
  if (outcome.words != status_.last_failure)
    log_warning("alert not delivered; it is kept and tried again",
                {{"channel", options_.name}, {"why", outcome.words}});
  status_.last_failure = outcome.words;
  status_.last_failure_at = wall_now();
}

Task<void> Sender::pause(std::optional<Millis> asked) {
  const auto unit = std::uniform_real_distribution<double>(0, 1)(random_);
  static_cast<void>(co_await loop_.sleep_for(retry_delay(attempts_, asked, unit)));
}

}  // namespace pgkeel::notify
