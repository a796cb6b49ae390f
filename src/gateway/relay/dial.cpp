// See dial.hpp.
#include "gateway/relay/dial.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace pgkeel::gateway {
namespace {

// A network that has gone without a word (hazard 34): the kernel gives up on unanswered bytes after
// this, and asks an idle peer for a sign of life every ten seconds. The limit holds for that, too:
// an idle connection is over with the second question, after twenty seconds, and whoever would ask
// it by a query of its own before it is used again finds nothing that was not known.
constexpr int kUnansweredMostMs = 15'000;
constexpr int kProbeEverySeconds = 10;
constexpr int kProbesMost = 3;

void tune(int descriptor) {
  const auto set = [&](int level, int option, int value) {
    ::setsockopt(descriptor, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kProbeEverySeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kProbeEverySeconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, kProbesMost);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUnansweredMostMs);
}

}  // namespace

Result<void> dial(Loop& loop, Stream& stream, StreamOwner& owner, const SocketAddress& address) {
  const int made = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) return fail(Error::from_errno(errno, "socket"));
  if (address.family() != AF_UNIX) tune(made);
  const int result =
      ::connect(made, reinterpret_cast<const sockaddr*>(&address.address), address.bytes);
  if (result != 0 && errno != EINPROGRESS) {
    const auto error = Error::from_errno(errno, "connect to " + address.text);
    ::close(made);
    return fail(error);
  }
  const bool connected = result == 0;
  TRY_VOID(loop.add(stream, made, connected ? Loop::Socket::Connected : Loop::Socket::Connecting));
  if (connected) owner.on_connected(0);
  return {};
}

}  // namespace pgkeel::gateway
