// Blocks go around: filled by the writer, queued, written by the thread, and back to be filled.
#include "archive/codec/threaded_sink.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace pgkeel::archive {
namespace {

using Block = std::vector<std::byte>;

class ThreadedSink final : public Sink {
 public:
  explicit ThreadedSink(std::unique_ptr<Sink> next)
      : next_(std::move(next)), thread_([this](const std::stop_token& stop) { work(stop); }) {}

  ~ThreadedSink() override {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> write(ByteSpan bytes) override {
    while (!bytes.empty()) {
      if (filling_.capacity() == 0) filling_.reserve(kQueueBlockBytes);
      const auto part = bytes.first(std::min(bytes.size(), kQueueBlockBytes - filling_.size()));
      filling_.insert(filling_.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
      if (filling_.size() == kQueueBlockBytes) TRY_VOID(hand_over());
    }
    return {};
  }

  Result<void> finish() override {
    if (!filling_.empty()) TRY_VOID(hand_over());
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return outcome_.has_value(); });
    return *outcome_;
  }

 private:
  Result<void> hand_over() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return outcome_ || queue_.size() < kQueueBlocks; });
    if (outcome_) return *outcome_;  // an error: the thread ends well only after finish()
    queue_.push_back(std::move(filling_));
    filling_ = Block();
    if (!spare_.empty()) {
      filling_ = std::move(spare_.back());
      spare_.pop_back();
    }
    changed_.notify_all();
    return {};
  }

  void work(const std::stop_token& stop) {
    auto outcome = write_all(stop);
    next_.reset();
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    changed_.notify_all();
  }

  Result<void> write_all(const std::stop_token& stop) {
    while (auto block = take(stop)) {
      TRY_VOID(next_->write(*block));
      block->clear();
      const std::lock_guard lock(mutex_);
      spare_.push_back(std::move(*block));
    }
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "stopped before the end");
    return next_->finish();
  }

  /// nullopt: everything was written and the writer has finished, or we are to stop.
  std::optional<Block> take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [this] { return !queue_.empty() || closed_; });
    if (stop.stop_requested() || queue_.empty()) return std::nullopt;
    auto block = std::move(queue_.front());
    queue_.pop_front();
    changed_.notify_all();
    return block;
  }

  std::unique_ptr<Sink> next_;
  Block filling_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Block> queue_;
  std::vector<Block> spare_;
  bool closed_ = false;
  std::optional<Result<void>> outcome_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<Sink> make_threaded_sink(std::unique_ptr<Sink> next) {
  return std::make_unique<ThreadedSink>(std::move(next));
}

}  // namespace pgkeel::archive
