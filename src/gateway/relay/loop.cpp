// See loop.hpp. Edge-triggered: a receive that does not fill the buffer has emptied the socket, so
// that a query costs one receive and no second one that finds nothing (epoll(7)).
#include "gateway/relay/loop.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.hpp"

namespace pgkeel::gateway {
namespace {

constexpr int kEventsMost = 256;  // of one wait: what is left comes with the next
constexpr std::uint32_t kAlways = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kOver = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::size_t kPartsKept = 16;  // of a stream's round: more were of a burst
/// Marks the pointer of a watch among those of streams, which are aligned.
constexpr std::uintptr_t kWatchMark = 1;
constexpr auto kWaitMost = std::chrono::hours(1);

Error failed(const char* what) { return Error::from_errno(errno, what); }

int error_of(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace

Stream::~Stream() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::unique_ptr<Loop>> Loop::create() {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return fail(failed("epoll_create1"));
  return std::unique_ptr<Loop>(new Loop(epoll));
}

Loop::~Loop() {
  retired_.clear();
  ::close(epoll_);
}

Result<void> Loop::add(Stream& stream, int descriptor, Socket socket) {
  CHECK(!stream.open());
  stream.connecting_ = socket == Socket::Connecting;
  stream.awaits_space_ = stream.connecting_;
  epoll_event event{};
  event.events = kAlways | (stream.connecting_ ? EPOLLOUT : 0U);
  event.data.ptr = &stream;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    const auto error = failed("epoll_ctl");
    ::close(descriptor);
    return fail(error);
  }
  stream.descriptor_ = descriptor;
  return {};
}

Result<void> Loop::watch(int descriptor, std::function<void()> on_ready) {
  auto watch = std::make_unique<Watch>(Watch{descriptor, std::move(on_ready)});
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;  // a listener of several workers wakes one of them
  event.data.u64 = reinterpret_cast<std::uintptr_t>(watch.get()) | kWatchMark;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) return fail(failed("epoll_ctl"));
  watches_.push_back(std::move(watch));
  return {};
}

void Loop::unwatch(int descriptor) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  for (auto& watch : watches_)
    if (watch && watch->descriptor == descriptor) {
      watch->descriptor = -1;
      retired_.push_back(std::shared_ptr<void>(std::move(watch)));
    }
  std::erase(watches_, nullptr);
}

void Loop::send(Stream& stream, ByteSpan bytes) {
  if (bytes.empty() || !stream.open()) return;
  touch(stream);
  auto* begin = const_cast<std::byte*>(bytes.data());  // iovec has no const; nothing writes there
  if (!stream.round_.empty()) {
    auto& last = stream.round_.back();
    if (static_cast<std::byte*>(last.iov_base) + last.iov_len == begin) {
      last.iov_len += bytes.size();
      return;
    }
  }
  stream.round_.push_back({begin, bytes.size()});
}

void Loop::touch(Stream& stream) {
  if (stream.touched_ || !stream.open()) return;
  stream.touched_ = true;
  touched_.push_back(&stream);
}

void Loop::send_copy(Stream& stream, ByteSpan bytes) {
  if (!bytes.empty()) send(stream, hold_until_flush(ByteBuffer(bytes.begin(), bytes.end())));
}

ByteSpan Loop::hold_until_flush(ByteBuffer bytes) {
  copies_.push_back(std::make_unique<ByteBuffer>(std::move(bytes)));
  return *copies_.back();
}

void Loop::flush() {
  for (std::size_t at = 0; at < touched_.size(); ++at) flush_one(*touched_[at]);
  touched_.clear();
  copies_.clear();
}

void Loop::flush_one(Stream& stream) {
  stream.owner_.on_flush();
  stream.touched_ = false;
  if (!stream.open() || stream.round_.empty()) {
    stream.round_.clear();
    return;
  }
  std::size_t sent = 0;
  if (stream.backlog() == 0 && !stream.connecting_) {
    msghdr message{};
    message.msg_iov = stream.round_.data();
    message.msg_iovlen = std::min<std::size_t>(stream.round_.size(), IOV_MAX);
    const auto result = ::sendmsg(stream.descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    // What went wrong is told by the receiving side: it has what the peer said last before that.
    if (result > 0) sent = static_cast<std::size_t>(result);
  }
  keep(stream, sent);
  stream.round_.clear();  // also of one that its owner closed when it was told
  if (stream.round_.capacity() > kPartsKept) std::vector<iovec>().swap(stream.round_);
}

// Copies what of this round did not go out behind what is kept.
void Loop::keep(Stream& stream, std::size_t sent) {
  for (const auto& part : stream.round_) {
    const auto here = std::min(sent, part.iov_len);
    sent -= here;
    const auto* begin = static_cast<const std::byte*>(part.iov_base);
    stream.kept_.insert(stream.kept_.end(), begin + here, begin + part.iov_len);
  }
  if (stream.backlog() == 0) return;
  await_space(stream, true);
  stream.owner_.on_blocked();
}

void Loop::await_space(Stream& stream, bool wanted) {
  if (stream.awaits_space_ == wanted) return;
  stream.awaits_space_ = wanted;
  epoll_event event{};
  event.events = kAlways | (wanted ? EPOLLOUT : 0U);
  event.data.ptr = &stream;
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_MOD, stream.descriptor_, &event) == 0);
}

void Loop::resume_reading(Stream& stream) {
  if (stream.reading_ || !stream.open()) return;
  stream.reading_ = true;
  if (stream.ready_) return;
  stream.ready_ = true;  // its edge may have come while nobody wanted it
  ready_.push_back(&stream);
}

void Loop::close(Stream& stream) {
  if (!stream.open()) return;
  ::close(release(stream));
}

int Loop::release(Stream& stream) {
  CHECK(stream.open());
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, stream.descriptor_, nullptr);
  stream.ended_ = true;
  std::vector<iovec>().swap(stream.round_);
  ByteBuffer().swap(stream.kept_);
  stream.kept_sent_ = 0;
  if (stream.touched_) std::erase(touched_, &stream);
  if (stream.ready_)
    std::replace(ready_.begin(), ready_.end(), &stream, static_cast<Stream*>(nullptr));
  stream.touched_ = stream.ready_ = false;
  return std::exchange(stream.descriptor_, -1);
}

Result<void> Loop::run_round(SteadyTime until) {
  std::array<epoll_event, kEventsMost> events;
  const int timeout = ready_.empty() ? wait_ms(until) : 0;
  const int count = ::epoll_wait(epoll_, events.data(), kEventsMost, timeout);
  if (count < 0 && errno != EINTR) return fail(failed("epoll_wait"));
  for (int at = 0; at < count; ++at) {
    const auto& event = events[static_cast<std::size_t>(at)];
    if ((event.data.u64 & kWatchMark) != 0) {
      auto* watch = reinterpret_cast<Watch*>(event.data.u64 & ~kWatchMark);
      if (watch->descriptor >= 0) watch->on_ready();
    } else {
      happened(*static_cast<Stream*>(event.data.ptr), event.events);
    }
    flush();
  }
  read_ready();
  retired_.clear();
  return {};
}

// Those that had more than a buffer's worth, or are wanted again.
void Loop::read_ready() {
  const auto count = ready_.size();
  for (std::size_t at = 0; at < count; ++at) {
    auto* stream = ready_[at];
    if (stream == nullptr) continue;
    stream->ready_ = false;
    if (stream->reading_ && !stream->ended_) receive(*stream, true);
    flush();
  }
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
  std::erase(ready_, nullptr);
}

void Loop::happened(Stream& stream, std::uint32_t events) {
  if (!stream.open() || stream.ended_) return;
  if ((events & kOver) != 0) stream.hung_up_ = true;
  if (stream.connecting_) return connected(stream);
  if ((events & EPOLLOUT) != 0 && stream.awaits_space_) drain(stream);
  if (!stream.open() || stream.ended_) return;
  if (!stream.reading_) {
    if ((events & kOver) != 0) stream.owner_.on_hangup();
    return;
  }
  if ((events & (EPOLLIN | kOver)) != 0) receive(stream, (events & kOver) != 0);
}

void Loop::connected(Stream& stream) {
  stream.connecting_ = false;
  const int error = error_of(stream.descriptor_);
  if (error == 0) await_space(stream, stream.backlog() > 0);
  stream.owner_.on_connected(error);
}

void Loop::drain(Stream& stream) {
  while (stream.backlog() > 0) {
    const auto result = ::send(stream.descriptor_, stream.kept_.data() + stream.kept_sent_,
                               stream.backlog(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result <= 0) return;
    stream.kept_sent_ += static_cast<std::size_t>(result);
  }
  ByteBuffer().swap(stream.kept_);
  stream.kept_sent_ = 0;
  await_space(stream, false);
  stream.owner_.on_drained();
}

void Loop::receive(Stream& stream, bool until_empty) {
  const auto got = ::recv(stream.descriptor_, received_.data(), received_.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return end(stream, got == 0 ? 0 : errno);
  const auto bytes = ByteSpan(received_).first(static_cast<std::size_t>(got));
  if ((bytes.size() == received_.size() || until_empty) && !stream.ready_) {
    stream.ready_ = true;
    ready_.push_back(&stream);
  }
  stream.owner_.on_bytes(bytes);
}

void Loop::end(Stream& stream, int error) {
  stream.ended_ = true;
  stream.owner_.on_end(error);
}

int Loop::wait_ms(SteadyTime until) const {
  const auto now = SteadyClock::now();
  if (until <= now) return 0;
  const auto left =
      std::chrono::ceil<Millis>(std::min<SteadyClock::duration>(until - now, kWaitMost));
  return static_cast<int>(left.count());
}

}  // namespace pgkeel::gateway
