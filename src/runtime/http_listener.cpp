// See http_listener.hpp.
#include "runtime/http_listener.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/proc.hpp"
#include "runtime/socket_io.hpp"

namespace pgkeel::runtime::detail {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> fail_port_taken(const SocketAddress& address, std::uint16_t port) {
  auto text = fmt::format("{} is taken", address.text);
  if (const auto owner = find_tcp_listener(port); owner && owner->pid)
    text += fmt::format(" by pid {} ({})", *owner->pid, owner->command);
  return fail(Error(ErrorCode::PortTaken, std::move(text))
                  .with_hint("Stop the process that holds the port or choose another one."));
}

Result<void> start_listening(const Fd& fd, const SocketAddress& address) {
  if (::listen(fd.get(), SOMAXCONN) != 0)
    return fail_errno(errno, fmt::format("listen on {}", address.text));
  return {};
}

// A socket file whose process is dead refuses connections; only such a one is removed.
Result<void> clear_the_way(const fs::path& path, const SocketAddress& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, fmt::format("inspect {}", path.native()));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(ErrorCode::Refused,
                fmt::format("{} exists, is not a socket and is not replaced", path.native()));
  }
  TRY(probe, make_socket(address));
  const int err = ::connect(probe.get(), address.get(), address.size) == 0 ? 0 : errno;
  if (err != ECONNREFUSED && err != ENOENT) {
    return fail(ErrorCode::StateLocked,
                fmt::format("another process listens on {}", path.native()));
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail_errno(errno, fmt::format("remove the dead socket {}", path.native()));
  return {};
}

}  // namespace

Result<HttpListener> HttpListener::on_tcp(std::string_view host, std::uint16_t port) {
  TRY(addresses, tcp_addresses(std::string(host), port, Resolve::ByName));
  const auto& address = addresses.front();
  TRY(fd, make_socket(address));
  const int yes = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0)
    return fail_errno(errno, fmt::format("prepare {}", address.text));
  if (::bind(fd.get(), address.get(), address.size) != 0) {
    if (errno == EADDRINUSE) return fail_port_taken(address, port);
    return fail_errno(errno, fmt::format("listen on {}", address.text));
  }
  TRY_VOID(start_listening(fd, address));
  return HttpListener(std::move(fd), HttpRequest::Via::Tcp);
}

Result<HttpListener> HttpListener::on_unix(const fs::path& path, unsigned mode) {
  TRY(address, unix_address(path));
  TRY_VOID(clear_the_way(path, address));
  TRY(fd, make_socket(address));
  // Before the bind, so that the name never appears with more rights than asked for; after it,
  // because the bind has taken the umask's bits away.
  if (::fchmod(fd.get(), mode) != 0 || ::bind(fd.get(), address.get(), address.size) != 0 ||
      ::chmod(path.c_str(), mode) != 0)
    return fail_errno(errno, fmt::format("listen on {}", path.native()));
  HttpListener listener(std::move(fd), HttpRequest::Via::Unix);
  listener.path_ = path;
  TRY(inode, inode_of(path));
  listener.inode_ = inode;
  TRY_VOID(start_listening(listener.fd_, address));
  return listener;
}

HttpListener::~HttpListener() {
  if (!fd_.valid() || !inode_) return;
  const auto present = inode_of(path_);
  if (present && *present == *inode_) ::unlink(path_.c_str());
}

std::uint16_t HttpListener::port() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  if (storage.ss_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  if (storage.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return 0;
}

}  // namespace pgkeel::runtime::detail
