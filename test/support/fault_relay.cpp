// See fault_relay.hpp. A connection to the server is made for each request, so that none is lost to
// the server's own idle limit.
#include "support/fault_relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace pgkeel::test {
namespace {

constexpr std::size_t kChunkBytes = 64U << 10U;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A socket that is read by lines of a head first, then by the bytes of a body.
class Stream {
 public:
  explicit Stream(int fd) : fd_(fd) {}
  ~Stream() { ::close(fd_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Up to and with the empty line; empty when the other side is gone.
  std::string head() {
    std::size_t end = 0;
    while ((end = buffer_.find(kHeadEnd)) == std::string::npos)
      if (!fill()) return {};
    return take(end + kHeadEnd.size());
  }
  /// At most so many bytes of the body; empty when the other side is gone.
  std::string some(std::size_t most) {
    if (buffer_.empty() && !fill()) return {};
    return take(std::min(most, buffer_.size()));
  }
  /// The close that follows is seen as a reset.
  void reset_on_close() const {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  bool fill() {
    std::array<char, kChunkBytes> chunk{};
    const ssize_t count = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (count > 0) buffer_.append(chunk.data(), static_cast<std::size_t>(count));
    return count > 0;
  }
  std::string take(std::size_t count) {
    std::string taken = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return taken;
  }
  int fd_;
  std::string buffer_;
};

std::size_t content_length(std::string head) {
  std::ranges::transform(head, head.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto at = head.find("\r\ncontent-length:");
  return at == std::string::npos ? 0 : std::stoull(head.substr(at + 17));
}

std::string first_line(const std::string& head) { return head.substr(0, head.find("\r\n")); }

std::string error_answer(const Fault& fault, bool with_body) {
  const std::string body = "<?xml version=\"1.0\"?><Error><Code>" + fault.code +
                           "</Code><Message>by the relay</Message></Error>";
  return "HTTP/1.1 " + std::to_string(fault.status) +
         " Fault\r\nContent-Type: application/xml\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + (with_body ? body : "");
}

/// Passes at most so many bytes on and drops the rest.
struct Allowance {
  std::size_t left;
  std::string_view pass(std::string_view bytes) {
    const auto passed = bytes.substr(0, left);
    left -= passed.size();
    return passed;
  }
};
constexpr std::size_t kAll = static_cast<std::size_t>(-1);

}  // namespace

struct FaultRelay::State {
  explicit State(std::uint16_t target_port) : target(target_port) {
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
        ::listen(listener, SOMAXCONN) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0)
      throw std::runtime_error("the relay cannot listen");
    port = ntohs(address.sin_port);
    acceptor = std::jthread([this] { accept_all(); });
  }
  ~State() {
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
      for (const int fd : open) ::shutdown(fd, SHUT_RDWR);
    }
    woken.notify_all();
    ::shutdown(listener, SHUT_RDWR);
    acceptor.join();
    clients.clear();
    ::close(listener);
  }

  void accept_all();
  void serve(int fd);
  bool serve_one(Stream& client);
  bool relay(Stream& client, std::string head, const Fault* fault);
  static bool relay_answer(Stream& client, Stream& server, bool has_body, Allowance allowance);
  std::optional<Fault> next_fault(const std::string& line);
  /// False when the relay is to stop.
  bool hold(Millis pause);
  void note_open(int fd);
  void note_closed(int fd);

  const std::uint16_t target;
  std::uint16_t port = 0;
  int listener = -1;
  mutable std::mutex mutex;  ///< guards everything below
  std::condition_variable woken;
  bool stopping = false;
  std::set<int> open;
  std::list<Fault> faults;
  std::vector<std::string> lines;
  std::list<std::jthread> clients;
  std::jthread acceptor;
};

void FaultRelay::State::accept_all() {
  while (true) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    const std::scoped_lock lock(mutex);
    if (stopping) {
      if (fd >= 0) ::close(fd);
      return;
    }
    if (fd < 0) continue;
    open.insert(fd);
    clients.emplace_back([this, fd] { serve(fd); });
  }
}

void FaultRelay::State::note_open(int fd) {
  const std::scoped_lock lock(mutex);
  open.insert(fd);
  if (stopping) ::shutdown(fd, SHUT_RDWR);
}

void FaultRelay::State::note_closed(int fd) {
  const std::scoped_lock lock(mutex);
  open.erase(fd);
}

void FaultRelay::State::serve(int fd) {
  Stream client(fd);
  while (serve_one(client)) {
  }
  note_closed(fd);
}

std::optional<Fault> FaultRelay::State::next_fault(const std::string& line) {
  const std::scoped_lock lock(mutex);
  lines.push_back(line);
  for (auto fault = faults.begin(); fault != faults.end(); ++fault) {
    if (!line.contains(fault->match)) continue;
    const Fault found = *fault;
    if (--fault->times <= 0) faults.erase(fault);
    return found;
  }
  return std::nullopt;
}

bool FaultRelay::State::hold(Millis pause) {
  std::unique_lock lock(mutex);
  return !woken.wait_for(lock, pause, [this] { return stopping; });
}

// False when the connection is over.
bool FaultRelay::State::serve_one(Stream& client) {
  const auto head = client.head();
  if (head.empty()) return false;
  const auto fault = next_fault(first_line(head));
  if (!fault) return relay(client, head, nullptr);
  switch (fault->kind) {
    case FaultKind::Stall: return hold(std::chrono::hours(1));
    case FaultKind::Delay: return hold(fault->pause) && relay(client, head, nullptr);
    case FaultKind::Answer: {
      auto left = content_length(head);
      while (left > 0) {
        const auto part = client.some(left);
        if (part.empty()) return false;
        left -= part.size();
      }
      return client.send(error_answer(*fault, !head.starts_with("HEAD ")));
    }
    default: return relay(client, head, &*fault);
  }
}

bool FaultRelay::State::relay(Stream& client, std::string head, const Fault* fault) {
  Stream server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(target);
  if (::connect(server.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    client.reset_on_close();
    return false;
  }
  note_open(server.fd());
  const bool cut = fault != nullptr && fault->kind == FaultKind::CutRequest;
  Allowance allowance{cut ? fault->after_bytes : kAll};
  bool alive = server.send(allowance.pass(head));
  for (auto left = content_length(head); alive && left > 0 && allowance.left > 0;) {
    auto part = client.some(left);
    left -= part.size();
    if (fault != nullptr && fault->kind == FaultKind::FlipByte && left == 0 && !part.empty())
      part.back() = static_cast<char>(part.back() ^ 1);
    alive = !part.empty() && server.send(allowance.pass(part));
  }
  const bool partly = fault != nullptr &&
                      (fault->kind == FaultKind::CutAnswer || fault->kind == FaultKind::EndAnswer);
  if (cut) {
    server.reset_on_close();
    alive = false;
  } else if (alive) {
    alive = relay_answer(client, server, !head.starts_with("HEAD "),
                         {partly ? fault->after_bytes : kAll});
  }
  if (cut || (partly && fault->kind == FaultKind::CutAnswer)) client.reset_on_close();
  note_closed(server.fd());
  return alive && !partly;
}

bool FaultRelay::State::relay_answer(Stream& client, Stream& server, bool has_body,
                                     Allowance allowance) {
  const auto head = server.head();
  if (head.empty() || !client.send(allowance.pass(head))) return false;
  const bool chunked = head.contains("ransfer-Encoding: chunked");
  auto left = !has_body ? 0 : chunked ? kAll : content_length(head);
  std::string tail;
  while (left > 0 && allowance.left > 0) {
    const auto part = server.some(left);
    if (part.empty() || !client.send(allowance.pass(part))) return false;
    if (!chunked) left -= part.size();
    tail = (tail + part).substr(tail.size() + part.size() > 5 ? tail.size() + part.size() - 5 : 0);
    if (chunked && tail == "0\r\n\r\n") break;
  }
  return allowance.left > 0;
}

FaultRelay::FaultRelay(std::uint16_t target) : state_(std::make_unique<State>(target)) {}
FaultRelay::~FaultRelay() = default;

std::uint16_t FaultRelay::port() const { return state_->port; }

void FaultRelay::arm(Fault fault) {
  const std::scoped_lock lock(state_->mutex);
  state_->faults.push_back(std::move(fault));
}

bool FaultRelay::sprung() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->faults.empty();
}

std::vector<std::string> FaultRelay::seen(const std::string& match) const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<std::string> found;
  for (const auto& line : state_->lines)
    if (line.contains(match)) found.push_back(line);
  return found;
}

}  // namespace pgkeel::test
