// Bytes on their way out: builders append behind, the socket takes from the front.
#pragma once

#include "pg/wire/writer.hpp"

namespace pgkeel::pg::wire {

class OutQueue {
 public:
  /// What is sent is kept up to this, so that not every write moves what is behind it.
  static constexpr std::size_t kSentMax = 256U << 10U;

  /// For builders to append to; never shortened by them.
  [[nodiscard]] ByteBuffer& end() { return bytes_; }
  [[nodiscard]] ByteSpan pending() const { return ByteSpan(bytes_).subspan(sent_); }
  /// The first `count` bytes of what is pending have gone out.
  void sent(std::size_t count) {
    sent_ += count;
    // Now and then, so that what never runs empty does not grow.
    if (sent_ < bytes_.size() && sent_ < kSentMax) return;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
  /// What is pending, and what has gone out and was not forgotten yet: less than kSentMax.
  [[nodiscard]] std::size_t bytes_held() const { return bytes_.size(); }

 private:
  ByteBuffer bytes_;
  std::size_t sent_ = 0;
};

}  // namespace pgkeel::pg::wire
