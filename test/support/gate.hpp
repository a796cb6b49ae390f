// A TCP relay that tests stand between a client and its server, to break the way at a chosen byte:
// cut it, stall it, or lose the request or the answer, which is how a COMMIT becomes ambiguous.
// One thread serves all connections; the destructor closes them. Everything here may be called from
// the test's thread at any time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace pgkeel::test {

/// What happens when the armed text passes from the client to the server.
enum class GateAction {
  CutRequest,    ///< the bytes never reach the server, both sides are closed
  CutAnswer,     ///< the bytes reach the server; its answer is awaited, dropped, then both closed
  StallRequest,  ///< the bytes never reach the server, both sides stay open and silent
  StallAnswer,   ///< the bytes reach the server, nothing it says comes back, both stay open
};

class Gate {
 public:
  /// Relays 127.0.0.1:port() to 127.0.0.1:target. Throws std::runtime_error.
  explicit Gate(std::uint16_t target);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string conninfo(std::string_view database = "postgres") const;

  /// Once: the next time `text` is seen in what a client sends (within one packet of it).
  void arm(std::string text, GateAction action);
  /// True when nothing is armed any more: it has happened.
  [[nodiscard]] bool sprung() const;

  /// Closes every connection with a reset.
  void cut_all();
  /// Nothing passes in either direction until resume(); connections are still accepted.
  void stall();
  /// New connections are reset at once until resume(); the present ones stay.
  void refuse();
  /// Back to normal; what was lost stays lost.
  void resume();
  /// Connections now relayed.
  [[nodiscard]] std::size_t connections() const;
  /// Connections accepted so far, refused ones included.
  [[nodiscard]] std::size_t accepted() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgkeel::test
