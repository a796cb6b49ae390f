// Asking a server to cancel what a session is doing, over a socket of our own. libpq's PQcancel
// blocks without a limit, and one hung postmaster would hold a thread for ever.
// The key of BackendKeyData is not offered by libpq; it is caught from its protocol trace while the
// session starts. Without a key a cancel does nothing and the connection is closed instead.
// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client/libpq.hpp"
#include "client/limit.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::client {

struct CancelKey {
  std::int32_t pid = 0;  ///< 0: not known
  std::int32_t secret = 0;
};

/// The key in one line of libpq's trace, if it is the line of BackendKeyData.
[[nodiscard]] std::optional<CancelKey> parse_traced_key(std::string_view line);

/// Traces a starting connection and keeps only the key; every other line is forgotten at once.
class KeyCatcher {
 public:
  explicit KeyCatcher(PGconn* connection);
  ~KeyCatcher();
  KeyCatcher(const KeyCatcher&) = delete;
  KeyCatcher& operator=(const KeyCatcher&) = delete;

  /// Ends the trace. A zero key when none was seen.
  [[nodiscard]] CancelKey finish();

 private:
  static ssize_t write(void* self, const char* bytes, std::size_t count);
  void take(std::string_view bytes);

  PGconn* connection_;
  std::FILE* stream_ = nullptr;
  std::string line_;
  CancelKey key_;
};

/// Sends the request to the peer of `socket` and waits until the server has closed it, which it
/// does after having signalled the backend. Failures are not reported: the caller looks at the
/// session.
runtime::Task<void> send_cancel(runtime::Loop* loop, int socket, CancelKey key, Limit limit);

}  // namespace pgkeel::client
