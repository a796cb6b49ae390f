// An HTTP relay that tests stand between a client and its server to make chosen requests fail: cut
// on the way in or out after so many bytes, answered with an error instead, held up, garbled. It
// reads the requests' framing, so a fault hits one request and not whatever a packet holds.
// One thread per connection; the destructor closes them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace pgkeel::test {

enum class FaultKind {
  Answer,      ///< the server never hears of it; `status` with S3's error `code` comes back
  CutRequest,  ///< the server gets the first `after_bytes`, then both sides are reset
  CutAnswer,   ///< the server does it; the first `after_bytes` of the answer pass, then a reset
  EndAnswer,   ///< the same, but the connection ends as if all had been sent
  FlipByte,    ///< the server gets the body with its last bit turned
  Delay,       ///< passes after `pause`
  Stall,       ///< nothing ever comes back
};

struct Fault {
  FaultKind kind = FaultKind::Answer;
  std::string match = {};  ///< in the request's first line: "PUT ", "partNumber=2"; "": any
  int times = 1;
  std::size_t after_bytes = 0;
  int status = 503;
  std::string code = "SlowDown";
  Millis pause{0};
};

class FaultRelay {
 public:
  /// Relays 127.0.0.1:port() to 127.0.0.1:target. Throws std::runtime_error.
  explicit FaultRelay(std::uint16_t target);
  ~FaultRelay();
  FaultRelay(const FaultRelay&) = delete;
  FaultRelay& operator=(const FaultRelay&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// Happens to the next requests that match; several wait in the order they were armed.
  void arm(Fault fault);
  /// True when nothing is armed any more.
  [[nodiscard]] bool sprung() const;
  /// The first lines of the requests seen that contain `match`.
  [[nodiscard]] std::vector<std::string> seen(const std::string& match = "") const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgkeel::test
