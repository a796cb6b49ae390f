// See epoll_loop.hpp.
#include "gateway/relay/epoll_loop.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.hpp"

namespace pgkeel::gateway {
namespace {

constexpr int kEventsMost = 256;  // of one wait: what is left comes with the next
constexpr std::uint32_t kAlways = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kOver = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/// Marks the pointer of a watch among those of streams, which are aligned.
constexpr std::uintptr_t kWatchMark = 1;
constexpr auto kWaitMost = std::chrono::hours(1);

int wait_ms(SteadyTime until, SteadyTime now) {
  if (until <= now) return 0;
  const auto left =
      std::chrono::ceil<Millis>(std::min<SteadyClock::duration>(until - now, kWaitMost));
  return static_cast<int>(left.count());
}

}  // namespace

Result<std::unique_ptr<Loop>> EpollLoop::create() {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return fail(Error::from_errno(errno, "epoll_create1"));
  return std::unique_ptr<Loop>(new EpollLoop(epoll));
}

EpollLoop::~EpollLoop() {
  end_round();
  ::close(epoll_);
}

Result<void> EpollLoop::add(Stream& stream, int descriptor, Socket socket) {
  CHECK(!stream.open());
  stream.connecting_ = socket == Socket::Connecting;
  epoll_event event{};
  event.events = kAlways | (stream.connecting_ ? EPOLLOUT : 0U);
  event.data.ptr = &stream;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    const auto error = Error::from_errno(errno, "epoll_ctl");
    ::close(descriptor);
    return fail(error);
  }
  stream.descriptor_ = descriptor;
  return {};
}

Result<void> EpollLoop::watch(int descriptor, std::function<void()> on_ready) {
  auto watch = std::make_unique<Watch>(Watch{descriptor, std::move(on_ready)});
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;  // a listener of several workers wakes one of them
  event.data.u64 = reinterpret_cast<std::uintptr_t>(watch.get()) | kWatchMark;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0)
    return fail(Error::from_errno(errno, "epoll_ctl"));
  watches_.push_back(std::move(watch));
  return {};
}

void EpollLoop::unwatch(int descriptor) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  for (auto& watch : watches_)
    if (watch && watch->descriptor == descriptor) {
      watch->descriptor = -1;  // an event of this round may still name it
      unwatched_.push_back(std::move(watch));
    }
  std::erase(watches_, nullptr);
}

void EpollLoop::forget(Stream& stream) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, stream.descriptor_, nullptr);
  ::close(stream.descriptor_);
}

// Not asked for where it is not needed: a Unix socket tells of space whenever its peer has read.
void EpollLoop::want_space(Stream& stream, Space space) {
  epoll_event event{};
  event.events = kAlways | (space == Space::Awaited ? EPOLLOUT : 0U);
  event.data.ptr = &stream;
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_MOD, stream.descriptor_, &event) == 0);
}

Result<void> EpollLoop::run_round(SteadyTime until, SteadyTime now) {
  sent_off();
  std::array<epoll_event, kEventsMost> events;
  const int timeout = any_ready() ? 0 : wait_ms(until, now);
  const int count = ::epoll_wait(epoll_, events.data(), kEventsMost, timeout);
  if (count < 0 && errno != EINTR) return fail(Error::from_errno(errno, "epoll_wait"));
  woken(timeout == 0 ? Waited::No : Waited::Yes, now);
  for (int at = 0; at < count; ++at) note_hangup(events[static_cast<std::size_t>(at)]);
  for (int at = 0; at < count; ++at) {
    const auto& event = events[static_cast<std::size_t>(at)];
    if ((event.data.u64 & kWatchMark) != 0) {
      const auto* watch = reinterpret_cast<Watch*>(event.data.u64 & ~kWatchMark);
      if (watch->descriptor >= 0) watch->on_ready();
    } else {
      happened(*static_cast<Stream*>(event.data.ptr), event.events);
    }
    sent_off();
  }
  read_ready();
  unwatched_.clear();
  end_round();
  return {};
}

// Before anything of the round is told: what a client says is not for a server whose end is in it.
void EpollLoop::note_hangup(const epoll_event& event) {
  if ((event.events & kOver) != 0 && (event.data.u64 & kWatchMark) == 0)
    static_cast<Stream*>(event.data.ptr)->hung_up_ = true;
}

// There is one buffer: what lies in it goes out before the next is received.
void EpollLoop::sent_off() {
  flush();
  copies_.clear();
}

// Those that had more than a buffer's worth, or are wanted again.
void EpollLoop::read_ready() {
  auto ready = take_ready();
  for (auto* stream : ready) {
    // One that was closed meanwhile is retired, not gone: it lives until the round ends.
    if (!stream->open() || !stream->ready_) continue;
    stream->ready_ = false;
    if (stream->reading_ && !stream->ended_) receive(*stream, true);
    sent_off();
  }
}

void EpollLoop::happened(Stream& stream, std::uint32_t events) {
  if (!stream.open() || stream.ended_) return;
  if (stream.connecting_) return connected(stream);
  if ((events & EPOLLOUT) != 0 && stream.awaits_space_) space_made(stream);
  if (!stream.open() || stream.ended_) return;
  if (!stream.reading_) {
    if ((events & kOver) != 0) stream.owner_.on_hangup();
    return;
  }
  if ((events & (EPOLLIN | kOver)) != 0) receive(stream, (events & kOver) != 0);
}

void EpollLoop::receive(Stream& stream, bool until_empty) {
  const auto got = ::recv(stream.descriptor_, received_.data(), received_.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return end(stream, got == 0 ? 0 : errno);
  const auto bytes = ByteSpan(received_).first(static_cast<std::size_t>(got));
  if (bytes.size() == received_.size() || until_empty) make_ready(stream);
  stream.owner_.on_bytes(bytes);
}

}  // namespace pgkeel::gateway
