// See deadman.hpp.
#include "notify/deadman.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace pgkeel::notify {
namespace {

constexpr Millis kRetryEvery{5'000};  // a lost ping must not cost a whole interval

class PingChannel final : public Channel {
 public:
  explicit PingChannel(std::string url) : url_(std::move(url)) {}
  [[nodiscard]] Result<runtime::WebRequest> request(const Notice&, const Origin&,
                                                    WallTime) const override {
    runtime::WebRequest request;
    request.url = url_;
    return request;
  }

 private:
  std::string url_;
};

}  // namespace

std::unique_ptr<Channel> make_deadman(const ChannelOptions& options) {
  return std::make_unique<PingChannel>(options.url);
}

Deadman::Deadman(runtime::Loop& loop, runtime::WebClient& client, const ChannelOptions& options,
                 Objection objection)
    : loop_(loop),
      client_(client),
      name_(options.name),
      interval_(options.interval),
      channel_(make_deadman(options)),
      objection_(std::move(objection)) {}

runtime::Task<void> Deadman::run() {
  while (true) {
    co_await ping();
    const auto pause = last_failure_.empty() ? interval_ : std::min(interval_, kRetryEvery);
    static_cast<void>(co_await loop_.sleep_for(pause));
  }
}

runtime::Task<void> Deadman::ping() {
  if (auto why = objection_(); !why.empty()) {
    note("not sent: " + why);
    co_return;
  }
  const auto outcome = co_await send_notice(&client_, channel_.get(), Notice(), Origin());
  if (outcome.verdict != Verdict::Delivered) {
    note(outcome.words);
    co_return;
  }
  ++pings_;
  note({});
}

void Deadman::note(std::string failure) {
  if (failure == last_failure_) return;
  if (failure.empty()) log_info("dead-man ping sent again", {{"channel", name_}});
  else log_warning("dead-man ping", {{"channel", name_}, {"why", failure}});
  last_failure_ = std::move(failure);
}

}  // namespace pgkeel::notify
