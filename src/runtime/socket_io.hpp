// Sockets for the HTTP server and client: making them, and the waits around recv and send.
// Private to the room.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "runtime/fd.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::runtime::detail {

/// A socket address of any family, and its form for people.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string text;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// "127.0.0.1:5432", "[::1]:5432".
[[nodiscard]] std::string host_and_port(std::string_view host, std::uint16_t port);

/// ConfigBadValue when the path does not fit into a socket address (107 bytes).
Result<SocketAddress> unix_address(const std::filesystem::path& path);

enum class Resolve { NumericOnly, ByName };
/// ConfigBadValue when `host` is no address or, with ByName, not known. ByName may block.
Result<std::vector<SocketAddress>> tcp_addresses(const std::string& host, std::uint16_t port,
                                                 Resolve resolve);

/// A stream socket, non-blocking and closed on exec.
Result<Fd> make_socket(const SocketAddress& address);

/// ConnectionFailed with the system's words when nobody listens, Permission, TimedOut.
Task<Result<Fd>> connect_to(Loop& loop, SocketAddress address, SteadyTime deadline);

/// The bytes that came into `buffer`; zero at end-of-file. ConnectionLost when the peer reset.
Task<Result<std::size_t>> receive_some(Loop& loop, int fd, char* buffer, std::size_t size,
                                       SteadyTime deadline);
/// Returns when all bytes are handed to the kernel; `bytes` must live until then.
Task<Result<void>> send_all(Loop& loop, int fd, std::string_view bytes, SteadyTime deadline);

}  // namespace pgkeel::runtime::detail
