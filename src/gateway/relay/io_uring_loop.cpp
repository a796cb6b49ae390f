// See io_uring_loop.hpp. Sends are asked for with MSG_DONTWAIT and answer only when they fell
// short, within the call that asks (IOSQE_CQE_SKIP_SUCCESS): what is not answered by then is done.
#include "gateway/relay/io_uring_loop.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.hpp"

namespace pgkeel::gateway {
namespace {

constexpr unsigned kRequests = 2048;  // until the kernel is asked to take them
// Buffers the kernel receives into: a small query takes one as well as a page of a result.
constexpr unsigned kBuffers = 512;
constexpr std::size_t kBufferBytes = 8U << 10U;
constexpr int kGroup = 0;
// Said by a client that is not read at the moment: beyond, the kernel keeps it.
constexpr std::size_t kEarlyMost = 64U << 10U;
constexpr unsigned kKindBits = 3;
constexpr long long kWaitSecondsMost = 3600;

bool is_local(int descriptor) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

}  // namespace

Result<std::unique_ptr<Loop>> IoUringLoop::create() {
  std::unique_ptr<IoUringLoop> made(new IoUringLoop);
  TRY_VOID(made->set_up());
  return std::unique_ptr<Loop>(std::move(made));
}

Result<void> IoUringLoop::set_up() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                 IORING_SETUP_R_DISABLED;
  params.cq_entries = kAnswers;
  if (const int failed = ::io_uring_queue_init_params(kRequests, &ring_, &params); failed != 0)
    return fail(Error::from_errno(-failed, "io_uring_setup"));
  set_up_ = true;
  void* memory = nullptr;
  if (::posix_memalign(&memory, 4096, kBuffers * sizeof(io_uring_buf)) != 0)
    return fail(ErrorCode::Failed, "no memory for io_uring's buffers");
  buffers_ = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
  registration.ring_entries = kBuffers;
  registration.bgid = kGroup;
  if (const int failed = ::io_uring_register_buf_ring(&ring_, &registration, 0); failed != 0)
    return fail(Error::from_errno(-failed, "io_uring_register_buf_ring"));
  memory_ = std::make_unique_for_overwrite<std::byte[]>(kBuffers * kBufferBytes);
  ::io_uring_buf_ring_init(buffers_);
  answers_.resize(kAnswers);
  for (unsigned at = 0; at < kBuffers; ++at) used_.push_back(static_cast<std::uint16_t>(at));
  return {};
}

IoUringLoop::~IoUringLoop() {
  end_round();
  if (set_up_) ::io_uring_queue_exit(&ring_);
  std::free(buffers_);
}

std::uint32_t IoUringLoop::take_slot() {
  if (free_.empty()) {
    slots_.emplace_back();
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const auto slot = free_.back();
  free_.pop_back();
  return slot;
}

void IoUringLoop::free_slot(std::uint32_t slot) {
  slots_[slot] = Slot{};
  free_.push_back(slot);
}

// One that is closed is used again when nothing is to come of it any more.
void IoUringLoop::answered(std::uint32_t slot) {
  auto& one = slots_[slot];
  --one.asked;
  if (one.asked == 0 && one.stream == nullptr && !one.on_ready) free_slot(slot);
}

io_uring_sqe* IoUringLoop::request(Kind kind, std::uint32_t slot) {
  auto* asked = ::io_uring_get_sqe(&ring_);
  if (asked == nullptr) {
    ::io_uring_submit(&ring_);
    asked = ::io_uring_get_sqe(&ring_);
  }
  CHECK(asked != nullptr);
  *asked = io_uring_sqe{};
  asked->user_data = name_of(kind, slot);
  return asked;
}

std::uint64_t IoUringLoop::name_of(Kind kind, std::uint32_t slot) {
  return std::uint64_t{slot} << kKindBits | static_cast<std::uint64_t>(kind);
}

Result<void> IoUringLoop::add(Stream& stream, int descriptor, Socket socket) {
  CHECK(!stream.open());
  stream.descriptor_ = descriptor;
  stream.slot_ = take_slot();
  slots_[stream.slot_].stream = &stream;
  stream.connecting_ = socket == Socket::Connecting;
  if (!stream.connecting_) {
    watch_for_end(stream.slot_);
    arm_receive(stream.slot_);
    return {};
  }
  auto* asked = request(Kind::Connect, stream.slot_);
  const auto named = asked->user_data;
  ::io_uring_prep_poll_add(asked, descriptor, POLLOUT);
  asked->user_data = named;
  ++slots_[stream.slot_].asked;
  return {};
}

Result<void> IoUringLoop::watch(int descriptor, std::function<void()> on_ready) {
  const auto slot = take_slot();
  slots_[slot].watched = descriptor;
  slots_[slot].on_ready = std::move(on_ready);
  arm_watch(slot);
  return {};
}

void IoUringLoop::unwatch(int descriptor) {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].watched != descriptor) continue;
    slots_[slot].watched = -1;
    slots_[slot].on_ready = nullptr;
    auto* asked = request(Kind::Watch, slot);
    const auto named = asked->user_data;
    ::io_uring_prep_poll_remove(asked, named);
    asked->user_data = named;
    ++slots_[slot].asked;
  }
}

void IoUringLoop::arm_watch(std::uint32_t slot) {
  auto* asked = request(Kind::Watch, slot);
  const auto named = asked->user_data;
  ::io_uring_prep_poll_add(asked, slots_[slot].watched, POLLIN);
  asked->user_data = named;
  ++slots_[slot].asked;
}

// Kernels before 2026 lose the end of a Unix socket that comes right behind its last bytes: the
// receive that is armed waits for ever (axboe/liburing#1549). Asked for by itself it is told.
void IoUringLoop::watch_for_end(std::uint32_t slot) {
  if (!is_local(slots_[slot].stream->descriptor_)) return;
  auto* asked = request(Kind::HangUp, slot);
  const auto named = asked->user_data;
  ::io_uring_prep_poll_add(asked, slots_[slot].stream->descriptor_, POLLRDHUP);
  asked->user_data = named;
  ++slots_[slot].asked;
}

void IoUringLoop::arm_receive(std::uint32_t slot) {
  auto& one = slots_[slot];
  auto* asked = request(Kind::Receive, slot);
  const auto named = asked->user_data;
  ::io_uring_prep_recv_multishot(asked, one.stream->descriptor_, nullptr, 0, 0);
  asked->flags |= IOSQE_BUFFER_SELECT;
  asked->buf_group = kGroup;
  asked->user_data = named;
  one.receiving = true;
  ++one.asked;
}

// The receive that is armed holds the socket: shut down, it is answered for the last time. What was
// asked of the descriptor and not handed over yet would be asked of whatever has its number next.
void IoUringLoop::forget(Stream& stream) {
  if (::io_uring_sq_ready(&ring_) > 0) ::io_uring_submit(&ring_);
  auto& one = slots_[stream.slot_];
  one.stream = nullptr;
  ByteBuffer().swap(one.early);
  ::shutdown(stream.descriptor_, SHUT_RDWR);
  ::close(stream.descriptor_);
  if (one.asked == 0) free_slot(stream.slot_);
}

void IoUringLoop::want_space(Stream& stream, Space space) {
  if (space == Space::Enough) {
    if (!slots_[stream.slot_].receiving && !stream.ended_) arm_receive(stream.slot_);
    return;
  }
  auto* asked = request(Kind::Space, stream.slot_);
  const auto named = asked->user_data;
  ::io_uring_prep_poll_add(asked, stream.descriptor_, POLLOUT);
  asked->user_data = named;
  ++slots_[stream.slot_].asked;
}

// A receive that is armed may never be told of an end that came before: the next one finds it.
void IoUringLoop::look_for_end(Stream& stream) {
  const auto& one = slots_[stream.slot_];
  if (one.over) return;
  if (one.receiving) stop_receiving(stream.slot_);
  else arm_receive(stream.slot_);
}

Result<void> IoUringLoop::run_round(SteadyTime until, SteadyTime now) {
  if (!enabled_) TRY_VOID(enable());
  send_round();
  TRY_VOID(enter(until, now));
  const auto count = ::io_uring_peek_batch_cqe(&ring_, answers_.data(), kAnswers);
  const auto answers = std::span(answers_).first(count);
  settle(answers);
  for (const auto* answer : answers)
    if (kind_of(*answer) != Kind::Send) happened(*answer);
  ::io_uring_cq_advance(&ring_, count);
  read_ready();
  end_round();
  return {};
}

// Hands over what is asked for and waits. Nothing may be left of the former: what it sends from is
// used again afterwards.
Result<void> IoUringLoop::enter(SteadyTime until, SteadyTime now) {
  const auto left = any_ready() || !starved_.empty()
                        ? SteadyClock::duration::zero()
                        : std::max(until - now, SteadyClock::duration::zero());
  const auto seconds = std::chrono::floor<Seconds>(left);
  __kernel_timespec limit{};
  limit.tv_sec = std::min<long long>(seconds.count(), kWaitSecondsMost);
  limit.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
  io_uring_cqe* first = nullptr;
  int waited = ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
  while (::io_uring_sq_ready(&ring_) > 0 && (waited >= 0 || waited == -EINTR || waited == -ETIME))
    waited = ::io_uring_submit(&ring_);
  if (waited < 0 && waited != -ETIME && waited != -EINTR)
    return fail(Error::from_errno(-waited, "io_uring_enter"));
  woken(left == SteadyClock::duration::zero() ? Waited::No : Waited::Yes, now);
  return {};
}

IoUringLoop::Kind IoUringLoop::kind_of(const io_uring_cqe& answer) {
  return static_cast<Kind>(answer.user_data & ((1U << kKindBits) - 1));
}

// The ring belongs to the thread that enables it. Debian's liburing 2.3 declares a function for
// this and does not have it.
Result<void> IoUringLoop::enable() {
  enabled_ = true;
  if (::syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) !=
      0)
    return fail(Error::from_errno(errno, "io_uring_register"));
  return {};
}

// Everything that was given to send since the last round, one send a stream. What falls short has
// to be among the answers that settle() looks at: where they might not find room, nothing is asked.
void IoUringLoop::send_round() {
  if (::io_uring_cq_ready(&ring_) > kAnswers / 2 || ::io_uring_cq_has_overflow(&ring_) ||
      touched_.size() > kAnswers / 4)
    return flush();
  for (std::size_t at = 0; at < touched_.size(); ++at) {
    auto& stream = *touched_[at];
    stream.owner_.on_flush();
    stream.touched_ = false;
    if (!stream.open() || stream.round_.empty()) continue;
    // More pieces than one send takes would be a success that left the others out.
    if (stream.backlog() > 0 || stream.connecting_ || stream.round_.size() > IOV_MAX) {
      send_now(stream);
      continue;
    }
    auto& sent = sent_.emplace_back(Sent{stream.slot_, {}});
    sent.message.msg_iov = stream.round_.data();
    sent.message.msg_iovlen = stream.round_.size();
    auto* asked = request(Kind::Send, stream.slot_);
    const auto named = asked->user_data;
    ::io_uring_prep_sendmsg(asked, stream.descriptor_, &sent.message,
                            MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    asked->flags |= IOSQE_CQE_SKIP_SUCCESS;
    asked->user_data = named;
  }
  touched_.clear();
}

// What fell short is kept before anything else happens; then the round's bytes are nobody's.
void IoUringLoop::settle(std::span<io_uring_cqe* const> answers) {
  for (const auto* answer : answers) {
    if (kind_of(*answer) != Kind::Send) continue;
    auto* stream = slots_[answer->user_data >> kKindBits].stream;
    if (stream != nullptr) keep(*stream, static_cast<std::size_t>(std::max(answer->res, 0)));
  }
  for (const auto& sent : sent_)
    if (auto* stream = slots_[sent.slot].stream; stream != nullptr) clear_round(*stream);
  sent_.clear();
  copies_.clear();
  for (const auto buffer : std::exchange(used_, {})) give_back(buffer);
  for (const auto slot : std::exchange(starved_, {}))
    if (slots_[slot].stream != nullptr && !slots_[slot].receiving &&
        slots_[slot].early.size() <= kEarlyMost)
      arm_receive(slot);
}

void IoUringLoop::give_back(std::uint16_t buffer) {
  ::io_uring_buf_ring_add(buffers_, memory_.get() + buffer * kBufferBytes, kBufferBytes, buffer,
                          ::io_uring_buf_ring_mask(kBuffers), 0);
  ::io_uring_buf_ring_advance(buffers_, 1);
}

void IoUringLoop::happened(const io_uring_cqe& answer) {
  const auto slot = static_cast<std::uint32_t>(answer.user_data >> kKindBits);
  const auto kind = kind_of(answer);
  if (kind == Kind::Receive) return received(slot, answer);
  auto* stream = slots_[slot].stream;
  if (kind == Kind::Watch && slots_[slot].on_ready) {
    const auto call = slots_[slot].on_ready;  // which may unwatch it
    call();
    if (slots_[slot].on_ready) arm_watch(slot);
  } else if (kind == Kind::Space && stream != nullptr) {
    space_made(*stream);
  } else if (kind == Kind::Connect && stream != nullptr) {
    watch_for_end(slot);
    connected(*stream);
  } else if (kind == Kind::HangUp && stream != nullptr && slots_[slot].receiving) {
    look_for_end(*stream);  // what is not read at the moment finds it when it is
  }
  answered(slot);
}

void IoUringLoop::received(std::uint32_t slot, const io_uring_cqe& answer) {
  const bool more = (answer.flags & IORING_CQE_F_MORE) != 0;
  ByteSpan bytes;
  if ((answer.flags & IORING_CQE_F_BUFFER) != 0) {
    const auto buffer = static_cast<std::uint16_t>(answer.flags >> IORING_CQE_BUFFER_SHIFT);
    used_.push_back(buffer);
    bytes = {memory_.get() + buffer * kBufferBytes, static_cast<std::size_t>(answer.res)};
  }
  if (!more) slots_[slot].receiving = false;
  auto* stream = slots_[slot].stream;
  if (stream != nullptr) {
    auto& one = slots_[slot];
    if (answer.res > 0) {
      deliver(slot, bytes);
    } else if (answer.res != -ENOBUFS && answer.res != -ECANCELED) {
      one.over = true;
      one.error = -answer.res;
      stream->hung_up_ = true;
      if (stream->reading_) end(*stream, one.error);
      else stream->owner_.on_hangup();
    }
    // Ended for want of buffers, or because the kernel has had enough: asked for again.
    if (!more && slots_[slot].stream == stream && !slots_[slot].over) starved_.push_back(slot);
  }
  if (!more) answered(slot);
}

void IoUringLoop::deliver(std::uint32_t slot, ByteSpan bytes) {
  auto& one = slots_[slot];
  if (one.stream->ended_) return;
  if (one.stream->reading_ && one.early.empty()) return one.stream->owner_.on_bytes(bytes);
  pg::wire::put_bytes(one.early, bytes);
  if (one.early.size() > kEarlyMost && one.receiving) stop_receiving(slot);
}

// Whoever is read again arms it anew.
void IoUringLoop::stop_receiving(std::uint32_t slot) {
  auto* asked = request(Kind::Watch, slot);  // its answer says nothing
  const auto named = asked->user_data;
  ::io_uring_prep_cancel64(asked, name_of(Kind::Receive, slot), 0);
  asked->user_data = named;
  ++slots_[slot].asked;
}

void IoUringLoop::read_ready() {
  for (auto* stream : take_ready()) {
    if (!stream->open() || !stream->ready_) continue;
    stream->ready_ = false;
    if (!stream->reading_) continue;
    const auto slot = stream->slot_;
    if (!slots_[slot].receiving && !slots_[slot].over) arm_receive(slot);
    deliver_early(*stream);
    if (!stream->open() || !stream->reading_ || stream->ended_) continue;
    if (slots_[slot].over) end(*stream, slots_[slot].error);
  }
}

// What has come while it was not read, as if it came now; the rest when its owner stops again.
void IoUringLoop::deliver_early(Stream& stream) {
  auto rest = hold_until_flush(std::exchange(slots_[stream.slot_].early, {}));
  while (!rest.empty() && stream.open() && stream.reading_) {
    const auto piece = rest.first(std::min(rest.size(), kReceiveBytes));
    rest = rest.subspan(piece.size());
    stream.owner_.on_bytes(piece);
  }
  if (!stream.open() || rest.empty()) return;
  auto& early = slots_[stream.slot_].early;
  early.insert(early.begin(), rest.begin(), rest.end());
}

}  // namespace pgkeel::gateway
