// The loop over epoll, edge-triggered: a receive that does not fill the buffer has emptied the
// socket, so that a query costs one receive and no second one that finds nothing (epoll(7)).
#pragma once

#include <sys/epoll.h>

#include <array>

#include "gateway/relay/loop.hpp"

namespace pgkeel::gateway {

class EpollLoop final : public Loop {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Loop>> create();
  ~EpollLoop() override;

  [[nodiscard]] Result<void> add(Stream& stream, int descriptor, Socket socket) override;
  [[nodiscard]] Result<void> watch(int descriptor, std::function<void()> on_ready) override;
  void unwatch(int descriptor) override;
  [[nodiscard]] Result<void> run_round(SteadyTime until, SteadyTime now) override;
  [[nodiscard]] Backend backend() const override { return Backend::Epoll; }

 private:
  struct Watch {
    int descriptor;
    std::function<void()> on_ready;
  };
  explicit EpollLoop(int epoll) : epoll_(epoll) {}

  void forget(Stream& stream) override;
  void want_space(Stream& stream, Space space) override;
  void look_for_end(Stream& stream) override { make_ready(stream); }
  static void note_hangup(const epoll_event& event);
  void happened(Stream& stream, std::uint32_t events);
  void receive(Stream& stream, bool until_empty);
  void sent_off();
  void read_ready();

  int epoll_;
  std::array<std::byte, kReceiveBytes> received_;
  std::vector<std::unique_ptr<Watch>> watches_;
  std::vector<std::unique_ptr<Watch>> unwatched_;
};

}  // namespace pgkeel::gateway
