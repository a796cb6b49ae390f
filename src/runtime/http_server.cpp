// One coroutine per listener and one per connection, all members of a group that the server's
// destruction ends. Answers are sent whole (send_response is where a stream would begin).
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <list>

#include "base/log.hpp"
#include "runtime/http.hpp"
#include "runtime/http_listener.hpp"
#include "runtime/http_message.hpp"
#include "runtime/socket_io.hpp"
#include "runtime/task_group.hpp"

namespace pgkeel::runtime {
namespace {

using detail::HttpFault;
using detail::HttpRequestReader;
using Received = HttpRequestReader::Received;

// Then the peer connects anew; keeps one client from holding a connection for ever.
constexpr int kRequestsPerConnectionMax = 1000;
// After a fault: how much more the peer may say before we hang up on it, so that it gets to read
// the answer (closing a TCP socket with unread bytes discards what was sent).
constexpr Seconds kLingerPatience{1};
constexpr std::size_t kLingerBytesMax = 4 * kHttpBodyBytesMax;
// When descriptors or memory have run out: not a busy loop.
constexpr Millis kAcceptPause{100};

struct Connection {
  Loop* loop;
  const HttpHandler* handler;
  Millis patience;
  HttpRequest::Via via;
  Fd fd;
};

HttpResponse to_response(const HttpFault& fault) {
  return {.status = fault.status,
          .content_type = "application/json",
          .headers = {},
          .body = fmt::format("{{\"error\":\"{}\"}}\n", fault.reason)};
}

Task<Result<void>> send_response(const Connection* peer, HttpResponse response,
                                 Received::Connection connection, Received::Body body) {
  const auto bytes = detail::write_response(response, connection, body);
  const auto deadline = peer->loop->after(peer->patience);
  co_return co_await detail::send_all(*peer->loop, peer->fd.get(), bytes, deadline);
}

Task<void> refuse(const Connection* peer, HttpFault fault) {
  const auto deadline = peer->loop->after(kLingerPatience);
  const int fd = peer->fd.get();
  const auto sent = co_await send_response(peer, to_response(fault), Received::Connection::Close,
                                           Received::Body::Sent);
  if (!sent || ::shutdown(fd, SHUT_WR) != 0) co_return;
  std::array<char, 16384> ignored;  // NOLINT: filled by recv
  for (std::size_t total = 0; total < kLingerBytesMax;) {
    const auto count =
        co_await detail::receive_some(*peer->loop, fd, ignored.data(), ignored.size(), deadline);
    if (!count || *count == 0) co_return;
    total += *count;
  }
}

// The next request; nullopt when the connection is over (closed, silent, or refused for a fault).
Task<std::optional<Received>> receive_request(const Connection* peer, HttpRequestReader* reader) {
  auto* loop = peer->loop;
  const int fd = peer->fd.get();
  const auto deadline = loop->after(peer->patience);
  std::array<char, 16384> buffer;  // NOLINT: filled by recv
  std::size_t filled = 0;
  while (true) {
    auto received = reader->feed({buffer.data(), filled});
    if (!received) {
      co_await refuse(peer, std::move(received).error());
      co_return std::nullopt;
    }
    if (*received) co_return std::move(**received);
    if (reader->take_continue()) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const auto told = co_await detail::send_all(*loop, fd, kContinue, deadline);
      if (!told) co_return std::nullopt;
    }
    const auto count =
        co_await detail::receive_some(*loop, fd, buffer.data(), buffer.size(), deadline);
    const bool too_slow = !count && count.error().code == ErrorCode::TimedOut && reader->midway();
    if (too_slow) co_await refuse(peer, {408, "the request took too long to arrive"});
    if (!count || *count == 0) co_return std::nullopt;
    filled = *count;
  }
}

pid_t peer_of(const Connection& connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (connection.via != HttpRequest::Via::Unix ||
      ::getsockopt(connection.fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return 0;
  return peer.pid;
}

Task<void> serve_connection(Connection connection) {
  HttpRequestReader reader;
  const auto peer_pid = peer_of(connection);
  for (int served = 1; served <= kRequestsPerConnectionMax; ++served) {
    auto received = co_await receive_request(&connection, &reader);
    if (!received) co_return;
    received->request.via = connection.via;
    received->request.peer_pid = peer_pid;
    if (served == kRequestsPerConnectionMax) received->connection = Received::Connection::Close;
    auto response = co_await (*connection.handler)(std::move(received->request));
    const auto sent = co_await send_response(&connection, std::move(response), received->connection,
                                             received->response_body);
    if (!sent || received->connection == Received::Connection::Close) co_return;
  }
}

}  // namespace

struct HttpServer::State {
  Loop* loop;
  HttpHandler handler;
  Millis patience;
  std::list<detail::HttpListener> listeners;  // a list: the accepting coroutines point into it
  TaskGroup connections;
  TaskGroup acceptors;

  State(Loop& on, HttpHandler handle, Millis peer_patience)
      : loop(&on),
        handler(std::move(handle)),
        patience(peer_patience),
        connections(on),
        acceptors(on) {}

  static Task<void> accept_connections(State* state, const detail::HttpListener* listener);
  void take_in(Fd fd, HttpRequest::Via via);
};

void HttpServer::State::take_in(Fd fd, HttpRequest::Via via) {
  if (connections.size() >= kHttpConnectionsMax) return;  // closes it
  connections.spawn(serve_connection({loop, &handler, patience, via, std::move(fd)}));
}

Task<void> HttpServer::State::accept_connections(State* state,
                                                 const detail::HttpListener* listener) {
  while (true) {
    const auto ready = co_await state->loop->wait_readable(listener->fd(), kNever);
    if (!ready) co_return;
    Fd fd(::accept4(listener->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.valid()) {
      state->take_in(std::move(fd), listener->via());
      continue;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) continue;
    log_warning("cannot take an HTTP connection", {{"errno", errno}});
    static_cast<void>(co_await state->loop->sleep_for(kAcceptPause));
  }
}

HttpServer::HttpServer(Loop& loop, HttpHandler handler, Millis peer_patience)
    : state_(std::make_unique<State>(loop, std::move(handler), peer_patience)) {}
HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::listen_tcp(std::string_view host, std::uint16_t port) {
  TRY(listener, detail::HttpListener::on_tcp(host, port));
  const auto& kept = state_->listeners.emplace_back(std::move(listener));
  state_->acceptors.spawn(State::accept_connections(state_.get(), &kept));
  return kept.port();
}

Result<void> HttpServer::listen_unix(const std::filesystem::path& path, unsigned mode) {
  TRY(listener, detail::HttpListener::on_unix(path, mode));
  const auto& kept = state_->listeners.emplace_back(std::move(listener));
  state_->acceptors.spawn(State::accept_connections(state_.get(), &kept));
  return {};
}

}  // namespace pgkeel::runtime
