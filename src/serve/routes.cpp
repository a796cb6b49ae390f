// One line per endpoint, and the rules that stand before all of them.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/log.hpp"
#include "serve/handlers.hpp"
#include "serve/problem.hpp"

namespace pgkeel::serve {
namespace {

using Via = HttpRequest::Via;

constexpr auto kRoutes = std::to_array<Route>({
    {Methods::Get, "/livez", Access::Open, get_livez},
    {Methods::Get, "/readyz", Access::Open, get_readyz},
    {Methods::Get, "/health", Access::Open, get_health},
    {Methods::Get, "/database/health", Access::Open, get_database_health},
    {Methods::Post, "/database/cleanup", Access::Token, post_cleanup},
    {Methods::Get, "/metrics", Access::Open, get_metrics},
    {Methods::Check, "/primary", Access::Open, check_primary},
    {Methods::Check, "/leader", Access::Open, check_primary},
    {Methods::Check, "/read-write", Access::Open, check_read_write},
    {Methods::Check, "/replica", Access::Open, check_replica},
    {Methods::Check, "/read-only", Access::Open, check_serving},
    {Methods::Check, "/readiness", Access::Open, check_serving},
    {Methods::Check, "/liveness", Access::Open, get_livez},
    {Methods::Get, "/api/v1/status", Access::Open, get_status},
    {Methods::Get, "/api/v1/incidents", Access::Open, list_incidents},
    {Methods::Get, "/api/v1/incidents/*", Access::Open, get_incident},
    {Methods::Post, "/api/v1/pause", Access::Token, post_pause},
    {Methods::Post, "/api/v1/resume", Access::Token, post_resume},
    {Methods::Get, "/api/v1/unfence-plan", Access::Open, get_unfence},
    {Methods::Post, "/api/v1/unfence", Access::Token, post_unfence},
    {Methods::Post, "/api/v1/anchor", Access::Token, post_anchor},
    {Methods::Post, "/api/v1/application", Access::Token, post_application},
    {Methods::Post, "/api/v1/forget", Access::Token, post_forget},
    {Methods::Post, "/api/v1/ack", Access::Token, post_ack},
    {Methods::Post, "/api/v1/abandon", Access::Token, post_abandon},
    {Methods::Post, "/api/v1/take-back", Access::Token, post_take_back},
    {Methods::Post, "/api/v1/note", Access::Token, post_note},
    // Server logs quote rows and statements: reading them needs the token too.
    {Methods::Get, "/api/v1/logs", Access::Token, get_logs},
    {Methods::Get, "/api/v1/conninfo", Access::UnixOnly, get_conninfo},
});

// The part that "*" stands for, or nullopt when the path is another one.
std::optional<std::string> match(const Route& route, std::string_view path) {
  if (!route.path.ends_with("/*")) return path == route.path ? std::optional("") : std::nullopt;
  const auto prefix = route.path.substr(0, route.path.size() - 1);
  const bool one_part = path.starts_with(prefix) && path.size() > prefix.size() &&
                        path.find('/', prefix.size()) == std::string_view::npos;
  return one_part ? std::optional(std::string(path.substr(prefix.size()))) : std::nullopt;
}

std::string_view allowed(Methods methods) {
  return methods == Methods::Post ? "OPTIONS, POST" : "GET, HEAD, OPTIONS";
}

bool accepts(Methods methods, std::string_view method) {
  if (methods == Methods::Post) return method == "POST";
  return method == "GET" || (methods == Methods::Check && method == "OPTIONS");
}

HttpResponse no_such_path(std::string_view path) {
  return problem(404, Error(ErrorCode::NotFound, fmt::format("no such path: {}", path))
                          .with_hint("GET /health, /metrics and /api/v1/status are good starts; "
                                     "docs/reference/http.md lists all."));
}

HttpResponse other_method(const Route& route, std::string_view method) {
  HttpResponse response;
  if (method == "OPTIONS") {
    response.status = 204;
  } else {
    const auto text = fmt::format("{} does not take {}", route.path, method);
    response = problem(405, Error(ErrorCode::NotSupported, text)
                                .with_hint(fmt::format("Use {}.", allowed(route.methods))));
  }
  response.headers.emplace_back("Allow", allowed(route.methods));
  return response;
}

HttpResponse forbidden(std::string_view message, std::string_view hint) {
  return problem(403, Error(ErrorCode::Permission, std::string(message)).with_hint(hint));
}

HttpResponse unauthorized(std::string_view message) {
  auto response = problem(401, Error(ErrorCode::Permission, std::string(message))
                                   .with_hint("Send 'Authorization: Bearer' and the token that is "
                                              "in http.token_file."));
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"pgkeel\"");
  return response;
}

// The refusal, or nothing when the request may pass.
std::optional<HttpResponse> refuse(const Context& context, const Route& route,
                                   const HttpRequest& request) {
  if (route.access == Access::Open || request.via == Via::Unix) return std::nullopt;
  if (route.access == Access::UnixOnly)
    return forbidden("this is answered on the Unix socket only",
                     "Run the command on the guard's host, as the user who owns guard.sock.");
  if (!context.token)
    return forbidden("no token is configured, so nothing can be changed over TCP",
                     "Set http.token_file, or use the Unix socket on the guard's host.");
  const auto header = request.headers.find("authorization");
  if (header == request.headers.end()) return unauthorized("a bearer token is needed");
  if (!context.token->presented_by(header->second)) return unauthorized("the token is wrong");
  return std::nullopt;
}

void log_change(const HttpRequest& request, const HttpResponse& response) {
  log_info("api request", {{"path", request.path},
                           {"via", request.via == Via::Unix ? "unix" : "tcp"},
                           {"status", response.status}});
}

Task<HttpResponse> route_request(ContextPtr context, HttpRequest request) {
  const Route* known = nullptr;  // the path is ours, the method is not
  for (const auto& route : kRoutes) {
    auto name = match(route, request.path);
    if (!name) continue;
    known = &route;
    if (!accepts(route.methods, request.method)) continue;
    if (auto refusal = refuse(*context, route, request)) co_return *std::move(refusal);
    auto response = co_await route.handler(context, {std::move(request), *std::move(name)});
    co_return response;
  }
  co_return known == nullptr ? no_such_path(request.path) : other_method(*known, request.method);
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Task<HttpResponse> answer(ContextPtr context, HttpRequest request) {
  HttpRequest line;  // what is left to log once the request has been moved on
  line.method = request.method;
  line.path = request.path;
  line.via = request.via;
  auto response = co_await route_request(std::move(context), std::move(request));
  // A cached answer to "is it up?" is a wrong answer.
  response.headers.emplace_back("Cache-Control", "no-store");
  if (line.method == "POST" && response.status != 404) log_change(line, response);
  if (line.method == "OPTIONS") response.body.clear();
  co_return response;
}

}  // namespace pgkeel::serve
