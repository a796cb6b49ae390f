// libcurl's multi interface on a thread of its own. A transfer belongs to that thread from submit()
// until it is done; its result goes back to the loop by post().
#include "runtime/web_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <thread>

#include "base/check.hpp"
#include "runtime/curl_rules.hpp"
#include "runtime/web_transfer.hpp"

namespace pgkeel::runtime {
namespace {

constexpr int kIdlePollMs = 60'000;  // a wake-up ends it sooner

}  // namespace

class WebClient::Thread {
 public:
  explicit Thread(Loop& loop) : loop_(&loop), multi_(curl_multi_init()) {
    CHECK(multi_ != nullptr);
    thread_ = std::thread([this] { work(); });
  }
  ~Thread() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_cleanup(multi_);
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  void submit(std::unique_ptr<detail::WebTransfer> transfer) {
    {
      const std::scoped_lock lock(mutex_);
      submitted_.push_back(std::move(transfer));
    }
    curl_multi_wakeup(multi_);
  }

 private:
  void work() {
    // Signals belong to the loop's thread.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    while (take_submitted()) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      report_done();
      curl_multi_poll(multi_, nullptr, 0, kIdlePollMs, nullptr);
    }
    for (const auto& transfer : transfers_) curl_multi_remove_handle(multi_, transfer->handle());
    transfers_.clear();
  }

  bool take_submitted() {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return false;
    for (auto& transfer : submitted_) {
      curl_multi_add_handle(multi_, transfer->handle());
      transfers_.push_back(std::move(transfer));
    }
    submitted_.clear();
    return true;
  }

  void report_done() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto* handle = message->easy_handle;
      const auto code = message->data.result;
      const auto found = std::ranges::find_if(
          transfers_, [handle](const auto& transfer) { return transfer->handle() == handle; });
      CHECK(found != transfers_.end());
      curl_multi_remove_handle(multi_, (*found)->handle());
      loop_->post([transfer = std::move(*found), code] { transfer->finish(code); });
      transfers_.erase(found);
    }
  }

  Loop* loop_;
  CURLM* multi_;
  std::vector<std::unique_ptr<detail::WebTransfer>> transfers_;  // of the thread alone
  std::mutex mutex_;                                             // guards the two below
  std::vector<std::unique_ptr<detail::WebTransfer>> submitted_;
  bool stopping_ = false;
  std::thread thread_;
};

WebClient::WebClient(Loop& loop) : loop_(&loop) {}
WebClient::~WebClient() = default;

Task<Result<WebAnswer>> WebClient::send(WebRequest request) {
  CO_TRY_VOID(detail::start_curl());
  if (!thread_) thread_ = std::make_shared<Thread>(*loop_);
  Event done(*loop_);
  const auto slot = std::make_shared<detail::WebSlot>();
  slot->done = &done;
  const detail::WebSlotGuard guard(*slot);
  auto transfer = detail::WebTransfer::create(std::move(request), slot);
  if (!transfer) co_return fail(std::move(transfer).error());
  thread_->submit(std::move(*transfer));
  while (!slot->result) {
    const auto woken = co_await done.wait_until(kNever);
    if (!woken && !slot->result) co_return fail(woken.error());
  }
  co_return std::move(*slot->result);
}

}  // namespace pgkeel::runtime
