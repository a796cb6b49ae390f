// One connected socket of a worker and what is to go out on it. The loop (loop.hpp) reads and
// writes it; its owner says what to send and when to stop reading.
// It guarantees: bytes leave in the order they were given, through one send a round; what the peer
// does not take is copied and kept until it does. It refuses to bound what is kept: whoever sees
// that something is stops reading the other side.
#pragma once

#include <sys/uio.h>

#include <vector>

#include "pg/wire/writer.hpp"

namespace pgkeel::gateway {

using pg::wire::ByteBuffer;

/// Whoever is told what happens on a stream. Every call comes from the loop, on its thread.
class StreamOwner {
 public:
  /// `bytes` are valid until the loop's flush after this call, which sends what was given to
  /// send().
  virtual void on_bytes(ByteSpan bytes) = 0;
  /// What was touch()ed or sent on is about to go out: the last moment to add to it.
  virtual void on_flush() {}
  /// Nothing comes any more: 0 when the peer has closed, else an errno. The owner closes the
  /// stream.
  virtual void on_end(int error) = 0;
  /// The peer has not taken all, and backlog() is kept; told again as that grows.
  virtual void on_blocked() = 0;
  /// All that was kept has gone out.
  virtual void on_drained() = 0;
  /// The peer has gone while it was not read: what it said before may still be there.
  virtual void on_hangup() = 0;
  /// A connection under way is there (0), or failed with this errno.
  virtual void on_connected(int error) = 0;

 protected:
  ~StreamOwner() = default;
};

class Stream {
 public:
  explicit Stream(StreamOwner& owner) : owner_(owner) {}
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] bool open() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Bytes the peer has not taken yet.
  [[nodiscard]] std::size_t backlog() const { return kept_.size() - kept_sent_; }
  [[nodiscard]] bool reading() const { return reading_; }
  /// The peer sends nothing more: what it said may not all have been read.
  [[nodiscard]] bool hung_up() const { return hung_up_; }

 private:
  friend class Loop;
  friend class EpollLoop;
  friend class IoUringLoop;

  StreamOwner& owner_;
  int descriptor_ = -1;
  bool reading_ = true;
  bool connecting_ = false;
  bool ended_ = false;  ///< the owner was told
  bool hung_up_ = false;
  bool touched_ = false;       ///< it is among the loop's, to be sent
  bool ready_ = false;         ///< it is among the loop's, to be read without an event
  bool awaits_space_ = false;  ///< the kernel was asked to say when more can be sent
  std::uint32_t slot_ = 0;     ///< of a back end
  std::vector<iovec> round_;   ///< what was given to send since the last was sent
  ByteBuffer kept_;            ///< what the peer did not take
  std::size_t kept_sent_ = 0;
};

}  // namespace pgkeel::gateway
