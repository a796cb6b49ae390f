// See lag.hpp.
#include "archive/receive/lag.hpp"

#include <algorithm>

namespace pgkeel::archive {

void LagTracker::server_at(Lsn server_end, SteadyTime now) {
  if (count_ > 0) {
    auto& newest = samples_[count_ - 1];
    if (server_end <= newest.lsn) return;
    if (count_ > 1 && now - samples_[count_ - 2].at < kSampleEvery) {
      newest.lsn = server_end;  // the older time stays: never shows less lag than there is
      return;
    }
  }
  if (count_ == kSamplesMax) thin_out();
  samples_[count_++] = {server_end, now};
}

void LagTracker::thin_out() {
  // The later position joins the earlier time.
  for (std::size_t i = 0; i < kSamplesMax / 2; ++i)
    samples_[i] = {samples_[2 * i + 1].lsn, samples_[2 * i].at};
  count_ = kSamplesMax / 2;
}

Millis LagTracker::lag(Lsn flushed, SteadyTime now) {
  const auto* begin = samples_.data();
  const auto* end = begin + count_;
  const auto* waiting =
      std::find_if(begin, end, [flushed](const Sample& s) { return s.lsn > flushed; });
  count_ = static_cast<std::size_t>(end - waiting);
  std::copy(waiting, end, samples_.data());
  if (count_ == 0) return Millis(0);
  return std::max(Millis(0), std::chrono::floor<Millis>(now - samples_[0].at));
}

}  // namespace pgkeel::archive
