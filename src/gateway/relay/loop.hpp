// A worker's own event loop: sockets, and what is to go out on them sent from where it was
// received. Written because a general loop costs a tenth to a fifth more CPU for each query
// (docs/adr/0012). Two back ends, chosen when it is made: io_uring_loop.hpp and epoll_loop.hpp. It
// guarantees: an owner is told of a stream until it closes it and never afterwards, not even when
// the kernel has more to say of it; no stream starves the others.
#pragma once

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "base/time.hpp"
#include "gateway/relay/stream.hpp"

namespace pgkeel::gateway {

/// What an owner is given at once, at most: a socket's worth of small messages, and a fair share of
/// a large result.
inline constexpr std::size_t kReceiveBytes = 64U << 10U;

class Loop {
 public:
  enum class Backend : std::uint8_t { Best, Epoll, IoUring };
  /// Best: io_uring where the kernel and its filters allow it. Failed: neither can be had, or not
  /// the one that is asked for.
  [[nodiscard]] static Result<std::unique_ptr<Loop>> create(Backend backend = Backend::Best);
  virtual ~Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Takes over a connected (`Connected`) or connecting socket, which must not block. Failed: the
  /// kernel does not watch it; the descriptor is closed then.
  enum class Socket : std::uint8_t { Connected, Connecting };
  [[nodiscard]] virtual Result<void> add(Stream& stream, int descriptor, Socket socket) = 0;
  /// Calls `on_ready` whenever `descriptor` is readable: a listener, an eventfd. It stays the
  /// caller's, who removes it before closing it.
  [[nodiscard]] virtual Result<void> watch(int descriptor, std::function<void()> on_ready) = 0;
  virtual void unwatch(int descriptor) = 0;

  /// `bytes` must live until the round ends: those of on_bytes() do.
  void send(Stream& stream, ByteSpan bytes);
  /// Has the owner told by on_flush() when this is sent.
  void touch(Stream& stream);
  /// As send(), of bytes that do not live so long.
  void send_copy(Stream& stream, ByteSpan bytes);
  /// Keeps `bytes` until the round ends, for send().
  [[nodiscard]] ByteSpan hold_until_flush(ByteBuffer bytes);
  /// Sends now what was given to send(): before a close, from a timer.
  void flush();
  void stop_reading(Stream& stream) { stream.reading_ = false; }
  void resume_reading(Stream& stream);
  /// Whatever was not sent is lost. The owner is told nothing more.
  void close(Stream& stream);
  /// Deletes `owner` when nothing of this round can speak of it any more.
  template <class Owner>
  void retire(std::unique_ptr<Owner> owner) {
    retired_.push_back(std::shared_ptr<void>(std::move(owner)));
  }

  /// One round: waits until something happens, at most until `until`, and tells it. `now`: for who
  /// has just read the clock. Failed: the kernel refuses to wait, which ends the worker.
  [[nodiscard]] virtual Result<void> run_round(SteadyTime until,
                                               SteadyTime now = SteadyClock::now()) = 0;
  /// When the wait of this round was over.
  [[nodiscard]] SteadyTime woke() const { return woke_; }
  [[nodiscard]] virtual Backend backend() const = 0;
  [[nodiscard]] std::string_view name() const {
    return backend() == Backend::IoUring ? "io_uring" : "epoll";
  }

 protected:
  Loop() = default;

  /// The wait is over, if there was one; `now` else.
  enum class Waited : std::uint8_t { Yes, No };
  void woken(Waited waited, SteadyTime now) {
    woke_ = waited == Waited::Yes ? SteadyClock::now() : now;
  }
  /// Closes the descriptor, and has the kernel say no more of it.
  virtual void forget(Stream& stream) = 0;
  /// Has space_made() called when the peer takes more; Enough: nothing is kept any more.
  enum class Space : std::uint8_t { Awaited, Enough };
  virtual void want_space(Stream& stream, Space space) = 0;

  /// The peer takes nothing any more, ever: why is told to whoever reads, who is to look now.
  virtual void look_for_end(Stream& stream) = 0;

  void end(Stream& stream, int error);
  void connected(Stream& stream);
  void space_made(Stream& stream);
  /// Sends the stream's round by a system call of its own, and keeps what is not taken.
  void send_now(Stream& stream);
  /// What of the round's bytes the kernel did not take.
  void keep(Stream& stream, std::size_t sent);
  void clear_round(Stream& stream);
  /// Those whose turn is to be read without an event; nulls among them have been closed.
  [[nodiscard]] std::vector<Stream*> take_ready();
  void make_ready(Stream& stream);
  [[nodiscard]] bool any_ready() const { return !ready_.empty(); }
  void end_round();

  std::vector<Stream*> touched_;
  std::vector<std::unique_ptr<ByteBuffer>> copies_;  ///< of this round

 private:
  void flush_one(Stream& stream);

  std::vector<Stream*> ready_;
  SteadyTime woke_;
  std::vector<std::shared_ptr<void>> retired_;
};

}  // namespace pgkeel::gateway
