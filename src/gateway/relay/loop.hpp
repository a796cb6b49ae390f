// A worker's own event loop: sockets, one receive buffer for all of them, and what is to go out
// sent from where it was received. Written because a general loop costs a tenth to a fifth more
// CPU for each query (docs/adr/0012).
// It guarantees: an owner is told of a stream until it closes it and never afterwards, not even
// when the kernel has more to say of it; no stream starves the others: each is read once a round.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <functional>
#include <memory>

#include "base/result.hpp"
#include "base/time.hpp"
#include "gateway/relay/stream.hpp"

namespace pgkeel::gateway {

/// What is received at once, at most: a socket's worth of small messages, and a fair share of a
/// large result.
inline constexpr std::size_t kReceiveBytes = 64U << 10U;

class Loop {
 public:
  /// Failed: the kernel has no epoll for us (descriptors are short).
  [[nodiscard]] static Result<std::unique_ptr<Loop>> create();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Takes over a connected (`Connected`) or connecting socket, which must not block. Failed: the
  /// kernel does not watch it; the descriptor is closed then.
  enum class Socket : std::uint8_t { Connected, Connecting };
  [[nodiscard]] Result<void> add(Stream& stream, int descriptor, Socket socket);
  /// Calls `on_ready` whenever `descriptor` is readable: a listener, an eventfd. It stays the
  /// caller's, who removes it before closing it.
  [[nodiscard]] Result<void> watch(int descriptor, std::function<void()> on_ready);
  void unwatch(int descriptor);

  /// `bytes` must live until the flush, which follows every callback of an owner.
  void send(Stream& stream, ByteSpan bytes);
  /// Has the owner told by on_flush() when this is flushed.
  void touch(Stream& stream);
  /// As send(), of bytes that do not live so long.
  void send_copy(Stream& stream, ByteSpan bytes);
  /// Keeps `bytes` until the flush, for send().
  [[nodiscard]] ByteSpan hold_until_flush(ByteBuffer bytes);
  /// For who speaks outside a callback: from a timer.
  void flush();
  void stop_reading(Stream& stream) { stream.reading_ = false; }
  void resume_reading(Stream& stream);
  /// Whatever was not sent is lost. The owner is told nothing more.
  void close(Stream& stream);
  /// Gives the descriptor away, which the loop watches no more; nothing of it may be kept.
  [[nodiscard]] int release(Stream& stream);
  /// Deletes `owner` when nothing of this round can speak of it any more.
  template <class Owner>
  void retire(std::unique_ptr<Owner> owner) {
    retired_.push_back(std::shared_ptr<void>(std::move(owner)));
  }

  /// One round: waits until something happens, at most until `until`, and tells it. Failed: the
  /// kernel refuses to wait, which ends the worker.
  [[nodiscard]] Result<void> run_round(SteadyTime until);

 private:
  struct Watch {
    int descriptor;
    std::function<void()> on_ready;
  };
  explicit Loop(int epoll) : epoll_(epoll) {}

  void happened(Stream& stream, std::uint32_t events);
  void connected(Stream& stream);
  void drain(Stream& stream);
  void receive(Stream& stream, bool until_empty);
  void end(Stream& stream, int error);
  void flush_one(Stream& stream);
  void keep(Stream& stream, std::size_t sent);
  void await_space(Stream& stream, bool wanted);
  void read_ready();
  [[nodiscard]] int wait_ms(SteadyTime until) const;

  int epoll_;
  std::array<std::byte, kReceiveBytes> received_;
  std::vector<Stream*> touched_;
  std::vector<Stream*> ready_;
  std::vector<std::unique_ptr<Watch>> watches_;
  std::vector<std::shared_ptr<void>> retired_;
  std::vector<std::unique_ptr<ByteBuffer>> copies_;  ///< of this flush
};

}  // namespace pgkeel::gateway
