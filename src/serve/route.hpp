// The table of endpoints and the way a request takes through it: path, method, access, handler.
// A new endpoint is one line in routes.cpp and one function in a handlers_*.cpp.
// Guarantees: nothing reaches a handler that its route's access forbids; unknown paths are 404,
// known paths with another method 405 with Allow. HEAD arrives here as GET: the server below leaves
// the body out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "runtime/http.hpp"
#include "serve/sources.hpp"
#include "serve/token.hpp"

namespace pgkeel::serve {

using runtime::HttpRequest;
using runtime::HttpResponse;
using runtime::Task;

/// What every handler sees. Shared by the requests in flight, so that it outlives the listener.
struct Context {
  Sources sources;
  std::optional<Token> token;  ///< none: nothing that needs one can be done over TCP
  std::function<SteadyTime()> now = SteadyClock::now;
};
using ContextPtr = std::shared_ptr<const Context>;

/// A routed request; `name` is the path's last part where the route ends in "/*".
struct Call {
  HttpRequest request;
  std::string name;
};
using Handler = Task<HttpResponse> (*)(ContextPtr context, Call call);

enum class Access {
  Open,      ///< anybody who reaches the listener
  Token,     ///< over TCP with the bearer token; over the Unix socket its file mode decides
  UnixOnly,  ///< never over TCP
};

enum class Methods {
  Get,
  Check,  ///< GET and OPTIONS alike, as HAProxy and Patroni have it
  Post,
};

struct Route {
  Methods methods;
  std::string_view path;  ///< exact, or "/prefix/*" for one more part
  Access access;
  Handler handler;
};

/// All endpoints, in the order of docs/reference/http.md.
[[nodiscard]] std::span<const Route> routes();

/// Routes one request and answers it. Never fails: what goes wrong is a response.
Task<HttpResponse> answer(ContextPtr context, HttpRequest request);

}  // namespace pgkeel::serve
