// See gate.hpp. Buffers are small and written blockingly: both ends are local and a test's traffic
// is a few kilobytes.
#include "support/gate.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace pgkeel::test {
namespace {

constexpr std::size_t kChunkBytes = 64U << 10U;

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }
  /// The close that follows is seen as a reset, at once and without what was still buffered.
  void reset_on_close() const {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  int fd_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Socket listen_on_loopback() {
  Socket listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(0);
  if (::bind(listener.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.fd(), SOMAXCONN) != 0)
    throw std::runtime_error("the gate cannot listen");
  return listener;
}

std::uint16_t port_of(const Socket& listener) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

struct Link {
  Socket client;
  Socket server;
  std::optional<GateAction> sprung = std::nullopt;  ///< what has befallen this connection
  bool over = false;
};

enum class Mode { Pass, Stall, Refuse };

}  // namespace

struct Gate::State {
  explicit State(std::uint16_t target_port)
      : target(target_port),
        listener(listen_on_loopback()),
        port(port_of(listener)),
        wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        thread([this](const std::stop_token& stop) { run(stop); }) {}
  ~State() {
    thread.request_stop();
    rouse();
  }

  void run(const std::stop_token& stop);
  void rouse() const { static_cast<void>(::eventfd_write(wake.fd(), 1)); }
  std::vector<pollfd> interests();
  void serve(const std::vector<pollfd>& ready);
  void accept_one();
  void from_client(Link& link);
  void from_server(Link& link);
  std::optional<GateAction> match(std::string_view bytes);

  const std::uint16_t target;
  const Socket listener;
  const std::uint16_t port;
  const Socket wake;
  std::mutex mutex;  ///< guards everything below
  std::list<Link> links;
  std::size_t accepted = 0;
  Mode mode = Mode::Pass;
  std::string armed_text;
  std::optional<GateAction> armed_action;
  std::jthread thread;  // last: starts when all else is there, joins first
};

void Gate::State::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> waiting;
    {
      const std::lock_guard lock(mutex);
      waiting = interests();
    }
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    eventfd_t ignored = 0;
    static_cast<void>(::eventfd_read(wake.fd(), &ignored));
    const std::lock_guard lock(mutex);
    serve(waiting);
    links.remove_if([](const Link& link) { return link.over; });
  }
}

std::vector<pollfd> Gate::State::interests() {
  std::vector<pollfd> waiting{{.fd = wake.fd(), .events = POLLIN, .revents = 0},
                              {.fd = listener.fd(), .events = POLLIN, .revents = 0}};
  if (mode == Mode::Stall) return waiting;
  for (const Link& link : links) {
    waiting.push_back({.fd = link.client.fd(), .events = POLLIN, .revents = 0});
    waiting.push_back({.fd = link.server.fd(), .events = POLLIN, .revents = 0});
  }
  return waiting;
}

void Gate::State::serve(const std::vector<pollfd>& ready) {
  const auto is_ready = [&ready](int fd) {
    for (const pollfd& entry : ready)
      if (entry.fd == fd && entry.revents != 0) return true;
    return false;
  };
  for (Link& link : links) {
    if (mode == Mode::Stall) break;
    if (is_ready(link.client.fd())) from_client(link);
    if (!link.over && is_ready(link.server.fd())) from_server(link);
  }
  if (is_ready(listener.fd())) accept_one();
}

void Gate::State::accept_one() {
  Socket client(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  if (client.fd() < 0) return;
  ++accepted;
  Socket server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(target);
  if (mode == Mode::Refuse ||
      ::connect(server.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    client.reset_on_close();
    return;
  }
  links.push_back({.client = std::move(client), .server = std::move(server)});
}

std::optional<GateAction> Gate::State::match(std::string_view bytes) {
  if (!armed_action || bytes.find(armed_text) == std::string_view::npos) return std::nullopt;
  return std::exchange(armed_action, std::nullopt);
}

void Gate::State::from_client(Link& link) {
  std::array<char, kChunkBytes> chunk{};
  const ssize_t count = ::recv(link.client.fd(), chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;  // the descriptor is a newer connection's by now
  if (count <= 0) {
    link.over = true;
    return;
  }
  const std::string_view bytes(chunk.data(), static_cast<std::size_t>(count));
  if (!link.sprung) link.sprung = match(bytes);
  if (link.sprung == GateAction::StallRequest) return;
  if (link.sprung == GateAction::CutRequest) {
    link.client.reset_on_close();
    link.over = true;
    return;
  }
  if (!send_all(link.server.fd(), bytes)) link.over = true;
}

void Gate::State::from_server(Link& link) {
  std::array<char, kChunkBytes> chunk{};
  const ssize_t count = ::recv(link.server.fd(), chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0 || link.sprung == GateAction::CutAnswer) {
    if (link.sprung) link.client.reset_on_close();
    link.over = true;
    return;
  }
  if (link.sprung) return;
  if (!send_all(link.client.fd(), {chunk.data(), static_cast<std::size_t>(count)}))
    link.over = true;
}

Gate::Gate(std::uint16_t target) : state_(std::make_unique<State>(target)) {}
Gate::~Gate() = default;

std::uint16_t Gate::port() const { return state_->port; }

std::string Gate::conninfo(std::string_view database) const {
  return "host=127.0.0.1 port=" + std::to_string(port()) +
         " user=postgres sslmode=disable dbname=" + std::string(database);
}

void Gate::arm(std::string text, GateAction action) {
  const std::lock_guard lock(state_->mutex);
  state_->armed_text = std::move(text);
  state_->armed_action = action;
}

bool Gate::sprung() const {
  const std::lock_guard lock(state_->mutex);
  return !state_->armed_action.has_value();
}

void Gate::cut_all() {
  const std::lock_guard lock(state_->mutex);
  for (const Link& link : state_->links) {
    link.client.reset_on_close();
    link.server.reset_on_close();
  }
  state_->links.clear();
  state_->rouse();
}

void Gate::stall() {
  const std::lock_guard lock(state_->mutex);
  state_->mode = Mode::Stall;
  state_->rouse();
}

void Gate::refuse() {
  const std::lock_guard lock(state_->mutex);
  state_->mode = Mode::Refuse;
}

void Gate::resume() {
  const std::lock_guard lock(state_->mutex);
  state_->mode = Mode::Pass;
  state_->rouse();
}

std::size_t Gate::connections() const {
  const std::lock_guard lock(state_->mutex);
  return state_->links.size();
}

std::size_t Gate::accepted() const {
  const std::lock_guard lock(state_->mutex);
  return state_->accepted;
}

}  // namespace pgkeel::test
