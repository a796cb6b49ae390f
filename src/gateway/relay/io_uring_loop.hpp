// The loop over io_uring: receives stay armed and bring their bytes in buffers the kernel picks,
// and what a round has to send goes out with the one system call that waits for the next. It
// guarantees: one send a stream and round, and what that did not take is kept before anything else
// is sent: two of which the first is short would reorder the stream. A buffer is given back to the
// kernel only when what was sent from it has been taken or copied. It refuses kernels older
// than 6.0, and filters that forbid it: see Loop::create().
#pragma once

#include <liburing.h>

#include <deque>

#include "gateway/relay/loop.hpp"

namespace pgkeel::gateway {

class IoUringLoop final : public Loop {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Loop>> create();
  ~IoUringLoop() override;

  [[nodiscard]] Result<void> add(Stream& stream, int descriptor, Socket socket) override;
  [[nodiscard]] Result<void> watch(int descriptor, std::function<void()> on_ready) override;
  void unwatch(int descriptor) override;
  [[nodiscard]] Result<void> run_round(SteadyTime until, SteadyTime now) override;
  [[nodiscard]] Backend backend() const override { return Backend::IoUring; }

 private:
  enum class Kind : std::uint8_t { Receive, Send, Space, Connect, Watch, HangUp };
  /// What the kernel was asked names a slot, so that an answer that comes after a stream was closed
  /// finds nobody.
  struct Slot {
    Stream* stream = nullptr;
    std::function<void()> on_ready;  ///< of a watch
    int watched = -1;
    std::uint32_t asked = 0;  ///< requests that will be answered once more
    bool receiving = false;   ///< a receive is armed
    bool over = false;        ///< the peer's end has come while nobody read
    int error = 0;
    ByteBuffer early;  ///< what has come while nobody read
  };
  struct Sent {
    std::uint32_t slot;
    msghdr message;
  };

  IoUringLoop() = default;
  [[nodiscard]] Result<void> set_up();
  [[nodiscard]] Result<void> enable();
  static constexpr unsigned kAnswers = 8192;  ///< until they are looked at
  [[nodiscard]] io_uring_sqe* request(Kind kind, std::uint32_t slot);
  [[nodiscard]] std::uint32_t take_slot();
  void free_slot(std::uint32_t slot);
  void answered(std::uint32_t slot);

  void forget(Stream& stream) override;
  void want_space(Stream& stream, Space space) override;
  void look_for_end(Stream& stream) override;
  void arm_receive(std::uint32_t slot);
  void arm_watch(std::uint32_t slot);
  void watch_for_end(std::uint32_t slot);
  void stop_receiving(std::uint32_t slot);
  [[nodiscard]] static std::uint64_t name_of(Kind kind, std::uint32_t slot);

  void send_round();
  [[nodiscard]] Result<void> enter(SteadyTime until, SteadyTime now);
  void settle(std::span<io_uring_cqe* const> answers);
  void happened(const io_uring_cqe& answer);
  void received(std::uint32_t slot, const io_uring_cqe& answer);
  void deliver(std::uint32_t slot, ByteSpan bytes);
  void read_ready();
  void deliver_early(Stream& stream);
  void give_back(std::uint16_t buffer);
  [[nodiscard]] static Kind kind_of(const io_uring_cqe& answer);

  io_uring ring_{};
  bool set_up_ = false;
  bool enabled_ = false;
  io_uring_buf_ring* buffers_ = nullptr;
  std::unique_ptr<std::byte[]> memory_;
  std::vector<std::uint16_t> used_;  ///< buffers whose bytes may still be sent
  std::deque<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> starved_;  ///< receives that ended for want of a buffer
  std::deque<Sent> sent_;               ///< of this round: the kernel reads it while it sends
  std::vector<io_uring_cqe*> answers_;  ///< of this round
};

}  // namespace pgkeel::gateway
