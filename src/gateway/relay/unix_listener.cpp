// See unix_listener.hpp.
#include "gateway/relay/unix_listener.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "gateway/relay/settings.hpp"

namespace pgkeel::gateway {
namespace {

constexpr mode_t kOthersNothing = 0;  // of umask(): nothing is taken from anybody

int new_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

const sockaddr* address_of(const SocketAddress& at) {
  return reinterpret_cast<const sockaddr*>(&at.address);
}

// Who is dead refuses; one whose queue is full (EAGAIN) lives.
Result<void> clear_the_way(const SocketAddress& at) {
  struct stat there{};
  if (::lstat(at.text.c_str(), &there) != 0)
    return errno == ENOENT ? Result<void>() : fail(Error::from_errno(errno, at.text));
  if (!S_ISSOCK(there.st_mode))
    return fail(ErrorCode::Refused, at.text + " is no socket, and is not replaced");
  const int probe = new_socket();
  if (probe < 0) return fail(Error::from_errno(errno, "socket"));
  const int error = ::connect(probe, address_of(at), at.bytes) == 0 ? 0 : errno;
  ::close(probe);
  if (error == 0 || error == EAGAIN)
    return fail(ErrorCode::PortTaken, "another process listens at " + at.text);
  if (error != ECONNREFUSED && error != ENOENT) return fail(Error::from_errno(error, at.text));
  if (::unlink(at.text.c_str()) != 0 && errno != ENOENT)
    return fail(Error::from_errno(errno, "remove the dead socket " + at.text));
  return {};
}

}  // namespace

Result<UnixListener> UnixListener::at(const std::string& path) {
  TRY(address, SocketAddress::of_unix(path));
  TRY_VOID(clear_the_way(address));
  const int made = new_socket();
  if (made < 0) return fail(Error::from_errno(errno, "socket"));
  const auto before = ::umask(kOthersNothing);
  const int error = ::bind(made, address_of(address), address.bytes) == 0 ? 0 : errno;
  ::umask(before);
  if (error != 0) {
    ::close(made);
    return fail(Error::from_errno(error, path));
  }
  TRY(listener, taken_over(path, made));
  if (::listen(made, SOMAXCONN) != 0) return fail(Error::from_errno(errno, path));
  return listener;
}

Result<UnixListener> UnixListener::taken_over(std::string path, int descriptor) {
  UnixListener listener(std::move(path), descriptor);
  struct stat own{};
  if (::lstat(listener.path_.c_str(), &own) != 0)
    return fail(Error::from_errno(errno, listener.path_));
  listener.device_ = own.st_dev;
  listener.inode_ = own.st_ino;
  return listener;
}

void UnixListener::pass_on() && { ::close(std::exchange(descriptor_, -1)); }

UnixListener::UnixListener(UnixListener&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      device_(other.device_),
      inode_(other.inode_) {}

UnixListener::~UnixListener() {
  if (descriptor_ < 0) return;
  struct stat there{};
  if (::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_)
    ::unlink(path_.c_str());
  ::close(descriptor_);
}

}  // namespace pgkeel::gateway
