// HTTP/1.1 over TCP and Unix sockets, both sides. Beast is inside the .cpp files. Requests and
// bodies are bounded; a slow or silent peer is dropped after a time limit; a handler's coroutine
// never blocks another's.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::runtime {

struct HttpRequest {
  std::string method = "GET";                  ///< a handler sees HEAD as GET; its body is dropped
  std::string path;                            ///< decoded, without the query: "/database/health"
  std::map<std::string, std::string> query;    ///< decoded; a key without '=' has an empty value
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  enum class Via { Tcp, Unix } via = Via::Tcp;  ///< which listener it came in by
  pid_t peer_pid = 0;  ///< who connected to the Unix socket, as the kernel says; else 0
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

using HttpHandler = std::function<Task<HttpResponse>(HttpRequest)>;

inline constexpr std::size_t kHttpBodyBytesMax = 1U << 20U;  // no request of ours is larger
inline constexpr std::size_t kHttpConnectionsMax = 64;       // more are closed at once

/// For one request to come in, an idle connection to be used again, one response to be taken.
inline constexpr Millis kHttpPeerPatience{10'000};

class HttpServer {
 public:
  HttpServer(Loop& loop, HttpHandler handler, Millis peer_patience = kHttpPeerPatience);
  /// Closes every connection and destroys the coroutines of handlers that have not ended. Not from
  /// within a handler, and before the loop.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Port 0 picks a free one; returns the port. PortTaken when somebody else listens there.
  Result<std::uint16_t> listen_tcp(std::string_view host, std::uint16_t port);
  /// A socket left by a dead process is replaced; a living one is StateLocked. Mode as given.
  Result<void> listen_unix(const std::filesystem::path& path, unsigned mode);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct HttpEndpoint {
  std::filesystem::path unix_socket;  ///< used when not empty
  std::string host;                   ///< else TCP
  std::uint16_t port = 0;
};

inline constexpr std::size_t kHttpResponseBytesMax = 64U << 20U;

/// One request, one response, one connection. Http for protocol trouble, ConnectionFailed when
/// nobody listens, TimedOut at the deadline. A 4xx or 5xx is a response, not an error. The
/// response's header names are in lower case. Looking up a host by name may overrun the deadline.
Task<Result<HttpResponse>> http_request(Loop& loop, HttpEndpoint endpoint, HttpRequest request,
                                        SteadyTime deadline);

}  // namespace pgkeel::runtime
