// A relay that tests stand between a PostgreSQL client and its server to keep what both said, byte
// for byte. It knows nothing of the protocol. One thread per connection; the destructor ends them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pgkeel::test {

struct TappedSession {
  std::string frontend;
  std::string backend;
};

class WireTap {
 public:
  /// Relays 127.0.0.1:port() to 127.0.0.1:target. Throws std::runtime_error.
  explicit WireTap(std::uint16_t target);
  ~WireTap();
  WireTap(const WireTap&) = delete;
  WireTap& operator=(const WireTap&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// Every connection so far, in the order they came; waits until all of them have ended.
  [[nodiscard]] std::vector<TappedSession> sessions() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgkeel::test
