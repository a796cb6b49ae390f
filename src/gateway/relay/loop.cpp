// What both back ends share. See loop.hpp.
#include "gateway/relay/loop.hpp"

#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "gateway/relay/epoll_loop.hpp"
#include "gateway/relay/io_uring_loop.hpp"

namespace pgkeel::gateway {
namespace {

constexpr std::size_t kPartsKept = 16;  // of a stream's round: more were of a burst

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

Result<std::unique_ptr<Loop>> Loop::create(Backend backend) {
  if (backend != Backend::Epoll) {
    auto made = IoUringLoop::create();
    if (made || backend == Backend::IoUring) return made;
  }
  return EpollLoop::create();
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
}

void Loop::flush_one(Stream& stream) {
  stream.owner_.on_flush();
  stream.touched_ = false;
  send_now(stream);
}

void Loop::send_now(Stream& stream) {
  std::size_t sent = 0;
  if (stream.open() && !stream.round_.empty() && stream.backlog() == 0 && !stream.connecting_) {
    msghdr message{};
    message.msg_iov = stream.round_.data();
    message.msg_iovlen = std::min<std::size_t>(stream.round_.size(), IOV_MAX);
    const auto result = ::sendmsg(stream.descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    // What went wrong is told by the receiving side: it has what the peer said last before that.
    if (result > 0) sent = static_cast<std::size_t>(result);
  }
  if (stream.open()) keep(stream, sent);
  clear_round(stream);
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
  if (!std::exchange(stream.awaits_space_, true)) want_space(stream, Space::Awaited);
  stream.owner_.on_blocked();
}

void Loop::clear_round(Stream& stream) {
  stream.round_.clear();
  if (stream.round_.capacity() > kPartsKept) std::vector<iovec>().swap(stream.round_);
}

void Loop::resume_reading(Stream& stream) {
  if (stream.reading_ || !stream.open()) return;
  stream.reading_ = true;
  make_ready(stream);  // what it said while nobody wanted it is not said again
}

void Loop::make_ready(Stream& stream) {
  if (std::exchange(stream.ready_, true)) return;
  ready_.push_back(&stream);
}

std::vector<Stream*> Loop::take_ready() { return std::exchange(ready_, {}); }

void Loop::close(Stream& stream) {
  if (!stream.open()) return;
  forget(stream);
  stream.ended_ = true;
  std::vector<iovec>().swap(stream.round_);
  ByteBuffer().swap(stream.kept_);
  stream.kept_sent_ = 0;
  if (stream.touched_) std::erase(touched_, &stream);
  if (stream.ready_) std::erase(ready_, &stream);
  stream.touched_ = stream.ready_ = false;
  stream.descriptor_ = -1;
}

void Loop::connected(Stream& stream) {
  stream.connecting_ = false;
  const int error = error_of(stream.descriptor_);
  if (error == 0) space_made(stream);
  if (stream.open()) stream.owner_.on_connected(error);
}

void Loop::space_made(Stream& stream) {
  stream.awaits_space_ = false;
  while (stream.backlog() > 0) {
    const auto result = ::send(stream.descriptor_, stream.kept_.data() + stream.kept_sent_,
                               stream.backlog(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result < 0 && errno != EAGAIN && errno != EINTR) return look_for_end(stream);
    if (result <= 0) {
      stream.awaits_space_ = true;
      return want_space(stream, Space::Awaited);
    }
    stream.kept_sent_ += static_cast<std::size_t>(result);
  }
  want_space(stream, Space::Enough);
  if (stream.kept_.empty()) return;
  ByteBuffer().swap(stream.kept_);
  stream.kept_sent_ = 0;
  stream.owner_.on_drained();
}

void Loop::end(Stream& stream, int error) {
  stream.ended_ = true;
  stream.owner_.on_end(error);
}

void Loop::end_round() { retired_.clear(); }

}  // namespace pgkeel::gateway
