// The guard's HTTP API: one Unix socket for the commands on this host and, when configured, one TCP
// listener for health checks, metrics and the dashboard. It answers from the guard's snapshot and
// never touches the database.
// Guarantees: nothing that changes anything is reachable over TCP without the bearer token; errors
// are application/problem+json with a code, a message and a hint. It refuses to start on a token
// file others may read or in a socket directory others may write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "runtime/loop.hpp"
#include "serve/sources.hpp"

namespace pgkeel::serve {

struct ApiOptions {
  std::filesystem::path unix_socket{};  ///< STATE_DIR/guard.sock; empty: none
  unsigned unix_mode = 0600;            ///< 0600 or 0660
  std::string tcp_host{};               ///< empty: no TCP listener
  std::uint16_t tcp_port = 0;           ///< 0: a free one, see Api::tcp_port()
  std::filesystem::path token_file{};   ///< empty: TCP clients change nothing
};

class Api {
 public:
  /// Listens when it returns. PortTaken, StateLocked (a living guard has the socket),
  /// ConfigBadValue and Permission (token file, socket directory), ConfigUnreadable.
  static Result<std::unique_ptr<Api>> create(runtime::Loop& loop, Sources sources,
                                             ApiOptions options);
  ~Api();  ///< closes every listener and connection
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// The TCP port in use; 0 without a TCP listener.
  [[nodiscard]] std::uint16_t tcp_port() const { return tcp_port_; }

 private:
  Api();
  struct Server;  // keeps Beast's side out of this header
  std::unique_ptr<Server> server_;
  std::uint16_t tcp_port_ = 0;
};

}  // namespace pgkeel::serve
