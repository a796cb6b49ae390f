// Liveness, readiness and the role checks of load balancers. All answer from the snapshot at once;
// liveness does not even look at it.
#include <set>

#include "serve/handlers.hpp"
#include "serve/health.hpp"
#include "serve/json_text.hpp"
#include "serve/problem.hpp"
#include "serve/verdict.hpp"

namespace pgkeel::serve {
namespace {

constexpr int kOk = 200;
constexpr int kUnavailable = 503;

HttpResponse plain(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

HttpResponse health_response(const Status& status, SteadyTime now, std::string document) {
  HttpResponse response;
  response.status = judge(status, now).serving ? kOk : kUnavailable;
  response.content_type = kHealthContentType;
  response.body = std::move(document);
  return response;
}

HttpResponse check_response(const Status& status, const Verdict& verdict, bool passed) {
  return json_response(passed ? kOk : kUnavailable, {{"state", to_string(status.state)},
                                                     {"role", to_string(status.instance.role)},
                                                     {"serving", verdict.serving},
                                                     {"writable", verdict.writable},
                                                     {"reason", verdict.reason}});
}

std::set<std::string> split_list(std::string_view text) {
  std::set<std::string> parts;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    parts.emplace(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

// Unknown lag is too much lag.
bool within_lag(const Status& status, std::uint64_t lag_max) {
  return status.replication && status.replication->lag_bytes &&
         *status.replication->lag_bytes <= lag_max;
}

}  // namespace

Task<HttpResponse> get_livez(ContextPtr, Call) { co_return plain(kOk, "ok\n"); }

Task<HttpResponse> get_readyz(ContextPtr context, Call call) {
  const auto& query = call.request.query;
  const auto exclude = query.find("exclude");
  const auto excluded =
      exclude == query.end() ? std::set<std::string>() : split_list(exclude->second);
  auto result = readiness(context->sources.status->status(), excluded, context->now());
  // As Kubernetes does: a failing check is listed even when nobody asked for the list.
  const bool listed = !result.ready || query.contains("verbose");
  co_return plain(result.ready ? kOk : kUnavailable, listed ? result.lines : "ok\n");
}

Task<HttpResponse> get_health(ContextPtr context, Call) {
  const auto status = context->sources.status->status();
  const auto now = context->now();
  co_return health_response(status, now, health_document(status, now));
}

Task<HttpResponse> get_database_health(ContextPtr context, Call) {
  const auto status = context->sources.status->status();
  const auto now = context->now();
  co_return health_response(status, now, database_health_document(status, now));
}

Task<HttpResponse> check_primary(ContextPtr context, Call) {
  const auto status = context->sources.status->status();
  const auto verdict = judge(status, context->now());
  co_return check_response(status, verdict,
                           verdict.serving && status.instance.role == Role::Primary);
}

Task<HttpResponse> check_read_write(ContextPtr context, Call) {
  const auto status = context->sources.status->status();
  const auto verdict = judge(status, context->now());
  co_return check_response(status, verdict, verdict.writable);
}

Task<HttpResponse> check_replica(ContextPtr context, Call call) {
  const auto status = context->sources.status->status();
  const auto verdict = judge(status, context->now());
  bool passed = verdict.serving && status.instance.role == Role::Standby;
  if (const auto lag = call.request.query.find("lag"); lag != call.request.query.end()) {
    const auto lag_max = parse_size(lag->second);
    if (!lag_max)
      co_return bad_request("lag: " + lag_max.error().message(), "Write lag=10MB or lag=1048576.");
    passed = passed && within_lag(status, *lag_max);
  }
  co_return check_response(status, verdict, passed);
}

Task<HttpResponse> check_serving(ContextPtr context, Call) {
  const auto status = context->sources.status->status();
  const auto verdict = judge(status, context->now());
  co_return check_response(status, verdict, verdict.serving);
}

}  // namespace pgkeel::serve
