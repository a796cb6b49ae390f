// How often something took how long, in buckets that are the same everywhere, so that what one
// process counted another may show (Prometheus' histogram). Adding costs no allocation and no
// clock.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace pgkeel {

class DurationHistogram {
 public:
  using Microseconds = std::chrono::microseconds;
  /// What each bucket holds at most; one more is for what took longer.
  static constexpr std::array<Microseconds, 20> kBounds = [] {
    std::array<Microseconds, 20> bounds{};
    constexpr std::array<std::int64_t, 3> kSteps{10, 25, 50};
    std::int64_t scale = 1;
    for (std::size_t at = 0; at < bounds.size(); ++at) {
      bounds[at] = Microseconds(kSteps[at % kSteps.size()] * scale);
      if (at % kSteps.size() == kSteps.size() - 1) scale *= 10;
    }
    return bounds;
  }();
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  void add(Microseconds took, std::int64_t times = 1) {
    const auto bound = std::ranges::lower_bound(kBounds, took);
    counts_[static_cast<std::size_t>(bound - kBounds.begin())] += times;
    sum_ += took * times;
  }
  /// As another has counted it.
  void set(std::size_t bucket, std::int64_t count) { counts_.at(bucket) = count; }
  void set_sum(Microseconds sum) { sum_ = sum; }
  DurationHistogram& operator+=(const DurationHistogram& more) {
    for (std::size_t at = 0; at < kBuckets; ++at) counts_[at] += more.counts_[at];
    sum_ += more.sum_;
    return *this;
  }

  /// Of each bucket by itself.
  [[nodiscard]] const std::array<std::int64_t, kBuckets>& counts() const { return counts_; }
  [[nodiscard]] Microseconds sum() const { return sum_; }
  friend bool operator==(const DurationHistogram&, const DurationHistogram&) = default;

 private:
  std::array<std::int64_t, kBuckets> counts_{};
  Microseconds sum_{};
};

}  // namespace pgkeel
