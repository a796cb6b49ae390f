// See flush_policy.hpp.
#include "archive/receive/flush_policy.hpp"

#include <algorithm>

namespace pgkeel::archive {

void FlushPolicy::wrote(std::uint64_t bytes, SteadyTime now) {
  if (unflushed_bytes_ == 0) unflushed_since_ = now;
  unflushed_bytes_ += bytes;
}

void FlushPolicy::reported(SteadyTime now) {
  reported_at_ = now;
  asked_ = false;
  to_tell_ = false;
}

bool FlushPolicy::flush_due(SteadyTime now, Socket socket) const {
  if (unflushed_bytes_ == 0) return false;
  if (asked_ || now - unflushed_since_ >= kFlushWithin) return true;
  if (durability_ == Durability::Async) return unflushed_bytes_ >= kAsyncBytesMax;
  return socket == Socket::Drained || unflushed_bytes_ >= kSyncBytesMax;
}

bool FlushPolicy::report_due(SteadyTime now) const {
  return asked_ || to_tell_ || now - reported_at_ >= kReportWithin;
}

Millis FlushPolicy::wait(SteadyTime now) const {
  auto until = reported_at_ + kReportWithin;
  if (unflushed_bytes_ > 0) {
    if (durability_ == Durability::Sync) return Millis(0);
    until = std::min(until, unflushed_since_ + kFlushWithin);
  }
  return std::max(Millis(0), std::chrono::ceil<Millis>(until - now));
}

}  // namespace pgkeel::archive
