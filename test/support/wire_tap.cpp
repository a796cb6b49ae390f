// See wire_tap.hpp.
#include "support/wire_tap.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace pgkeel::test {
namespace {

constexpr std::size_t kChunkBytes = 64U << 10U;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Passes on what there is to read, and keeps it; false when that side has ended.
bool pass(int from, int to, std::string& kept) {
  std::array<char, kChunkBytes> chunk{};
  const auto count = ::recv(from, chunk.data(), chunk.size(), 0);
  if (count <= 0) return false;
  const std::string_view bytes(chunk.data(), static_cast<std::size_t>(count));
  kept += bytes;
  return send_all(to, bytes);
}

}  // namespace

struct WireTap::State {
  struct Line {
    int client = -1;
    int server = -1;
    TappedSession said = {};
    std::thread thread = {};
  };

  std::uint16_t target = 0;
  std::uint16_t port = 0;
  int listener = -1;
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::list<Line> lines;
  std::size_t running = 0;
  std::thread acceptor;

  void accept_all() {
    while (true) {
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      auto address = loopback(target);
      if (::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ::close(client);
        ::close(server);
        continue;
      }
      const std::scoped_lock lock(mutex);
      auto& line = lines.emplace_back(Line{client, server});
      ++running;
      line.thread = std::thread([this, &line] { relay(line); });
    }
  }

  void relay(Line& line) {
    std::array<pollfd, 2> ends{pollfd{line.client, POLLIN, 0}, pollfd{line.server, POLLIN, 0}};
    while (::poll(ends.data(), ends.size(), -1) > 0) {
      if (ends[0].revents != 0 && !pass(line.client, line.server, line.said.frontend)) break;
      if (ends[1].revents != 0 && !pass(line.server, line.client, line.said.backend)) break;
    }
    ::shutdown(line.client, SHUT_RDWR);
    ::shutdown(line.server, SHUT_RDWR);
    const std::scoped_lock lock(mutex);
    --running;
    changed.notify_all();
  }
};

WireTap::WireTap(std::uint16_t target) : state_(std::make_unique<State>()) {
  state_->target = target;
  state_->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(state_->listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(state_->listener, SOMAXCONN) != 0 ||
      ::getsockname(state_->listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("wire tap: cannot listen");
  state_->port = ntohs(address.sin_port);
  state_->acceptor = std::thread([state = state_.get()] { state->accept_all(); });
}

WireTap::~WireTap() {
  ::shutdown(state_->listener, SHUT_RDWR);
  state_->acceptor.join();
  ::close(state_->listener);
  for (auto& line : state_->lines) {
    ::shutdown(line.client, SHUT_RDWR);
    ::shutdown(line.server, SHUT_RDWR);
    line.thread.join();
    ::close(line.client);
    ::close(line.server);
  }
}

std::uint16_t WireTap::port() const { return state_->port; }

std::vector<TappedSession> WireTap::sessions() const {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->running == 0; });
  std::vector<TappedSession> said;
  for (const auto& line : state_->lines) said.push_back(line.said);
  return said;
}

}  // namespace pgkeel::test
