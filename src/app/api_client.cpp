// One event loop per request: commands are short and ask one thing at a time.
#include "app/api_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "app/look.hpp"
#include "runtime/account.hpp"
#include "runtime/http.hpp"

namespace pgkeel::app {
namespace {

Error not_running(const std::filesystem::path& socket) {
  return {ErrorCode::GuardNotRunning,
          fmt::format("no guard is running (nobody answers at {})", socket.string())};
}

Error not_allowed(const std::filesystem::path& socket) {
  return Error(ErrorCode::Permission,
               fmt::format("this user may not use the guard's socket {}", socket.string()))
      .with_hint("Run the command as root or as the user that runs the guard.");
}

ErrorCode code_by_name(std::string_view name, int status) {
  const auto table = error_table();
  const auto found = std::ranges::find(table, name, &ErrorInfo::name);
  if (found != table.end()) return found->code;
  return status == 404 ? ErrorCode::NotFound : ErrorCode::Http;
}

runtime::Task<Result<runtime::HttpResponse>> send(runtime::Loop* loop,
                                                  runtime::HttpEndpoint endpoint,
                                                  runtime::HttpRequest request, Millis limit) {
  auto response = co_await runtime::http_request(*loop, std::move(endpoint), std::move(request),
                                                 loop->after(limit));
  co_return response;
}

}  // namespace

Result<Json> GuardClient::get(std::string path, std::map<std::string, std::string> query) {
  return exchange("GET", std::move(path), std::move(query), {});
}

Result<Json> GuardClient::post(std::string path, const Json& body) {
  return exchange("POST", std::move(path), {}, to_line(body));
}

Result<Json> GuardClient::exchange(std::string method, std::string path,
                                   std::map<std::string, std::string> query, std::string body) {
  if (::access(socket_.c_str(), R_OK | W_OK) != 0)
    return fail(errno == EACCES ? not_allowed(socket_) : not_running(socket_));
  runtime::HttpRequest request;
  const auto limit = method == "GET" ? kReadTimeout : kChangeTimeout;
  request.method = std::move(method);
  request.path = std::move(path);
  request.query = std::move(query);
  request.body = std::move(body);
  if (!request.body.empty()) request.headers["content-type"] = "application/json";
  runtime::Loop loop;
  auto response = loop.run_until_complete(send(&loop, {socket_, {}, 0}, std::move(request), limit));
  if (!response) {
    if (response.error().code == ErrorCode::ConnectionFailed) return fail(not_running(socket_));
    return fail(std::move(response).error().with_context("ask the guard"));
  }
  if (response->status < 200 || response->status >= 300)
    return fail(error_from_problem(response->status, response->body));
  return parse_json(response->body);
}

Error error_from_problem(int status, std::string_view body) {
  const auto problem = parse_json(body);
  if (!problem || text_of(*problem, "message").empty())
    return {ErrorCode::Http, fmt::format("the guard answered with HTTP status {}", status)};
  Error error(code_by_name(text_of(*problem, "code"), status), text_of(*problem, "message"));
  error.hint_override = text_of(*problem, "hint");
  return error;
}

std::string who_asks() {
  const auto account = runtime::account_by_uid(::geteuid());
  auto who = account ? account->name : fmt::format("uid {}", ::geteuid());
  if (const char* sudo = std::getenv("SUDO_USER"); sudo != nullptr && *sudo != '\0')
    who += fmt::format(" (sudo by {})", sudo);
  constexpr std::size_t kWhoBytesMax = 128;  // an environment variable may hold anything
  return cut(printable(who), kWhoBytesMax);
}

}  // namespace pgkeel::app
