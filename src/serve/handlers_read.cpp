// Metrics, status, incidents, logs: reading only. Server log lines and the connection
// string are redacted on their way out; incidents were before they were stored.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "incident/json.hpp"
#include "incident/redact.hpp"
#include "serve/handlers.hpp"
#include "serve/metrics.hpp"
#include "serve/problem.hpp"
#include "serve/request_reading.hpp"
#include "serve/status_json.hpp"

namespace pgkeel::serve {
namespace {

constexpr std::size_t kIncidentsDefault = 50;
constexpr std::size_t kIncidentsMax = 1000;  // as many as the journal keeps
constexpr std::size_t kLogLinesDefault = 100;
constexpr std::size_t kLogLinesMax = 10'000;
// A statement in a server log may be megabytes long, and redacting happens on the loop's thread:
// one answer may cost it some ten milliseconds, not more.
constexpr std::size_t kLogLineBytesMax = 8U << 10U;
constexpr std::size_t kLogBytesMax = 1U << 20U;

struct NamedLog {
  std::string_view name;
  LogKind kind;
};
// The first without a name.
constexpr auto kLogs = std::to_array<NamedLog>(
    {{"postgres", LogKind::Postgres}, {"guard", LogKind::Guard}, {"gateway", LogKind::Gateway}});

Result<NamedLog> read_log(const HttpRequest& request) {
  const auto asked = request.query.find("source");
  if (asked == request.query.end()) return kLogs.front();
  const auto* found = std::ranges::find(kLogs, asked->second, &NamedLog::name);
  if (found != kLogs.end()) return *found;
  return fail(Error(ErrorCode::Usage, "source is neither postgres, guard nor gateway")
                  .with_hint("Write /api/v1/logs?source=postgres&lines=100."));
}

// Newest lines are kept when all would be too much; the result is oldest first again.
Json bounded_lines(const std::vector<std::string>& lines) {
  std::vector<std::string> kept;
  std::size_t bytes = 0;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    auto text = incident::redact(std::string_view(*line).substr(0, kLogLineBytesMax));
    if (line->size() > kLogLineBytesMax) text += " [cut]";
    bytes += text.size();
    if (bytes > kLogBytesMax) break;
    kept.push_back(std::move(text));
  }
  std::ranges::reverse(kept);
  return kept;
}

}  // namespace

Task<HttpResponse> get_metrics(ContextPtr context, Call) {
  HttpResponse response;
  response.content_type = kMetricsContentType;
  response.body = metrics_text(context->sources.status->status(), context->now());
  co_return response;
}

Task<HttpResponse> get_status(ContextPtr context, Call) {
  co_return json_response(200, status_json(context->sources.status->status(), context->now()));
}

Task<HttpResponse> list_incidents(ContextPtr context, Call call) {
  const auto most = read_count(call.request, "limit", kIncidentsDefault, kIncidentsMax);
  if (!most) co_return problem(most.error());
  const auto incidents = co_await context->sources.incidents->list(*most);
  if (!incidents) co_return problem(incidents.error());
  Json list = Json::array();
  for (const auto& incident : *incidents) list.push_back(incident::line_to_json(incident));
  co_return json_response(200, {{"incidents", std::move(list)}});
}

Task<HttpResponse> get_incident(ContextPtr context, Call call) {
  const auto incident = co_await context->sources.incidents->load(call.name);
  if (!incident) co_return problem(incident.error());
  co_return json_response(200, incident::to_json(*incident));
}

Task<HttpResponse> get_logs(ContextPtr context, Call call) {
  const auto log = read_log(call.request);
  if (!log) co_return problem(log.error());
  const auto count = read_count(call.request, "lines", kLogLinesDefault, kLogLinesMax);
  if (!count) co_return problem(count.error());
  const auto lines = co_await context->sources.logs->tail(log->kind, *count);
  if (!lines) co_return problem(lines.error());
  auto kept = bounded_lines(*lines);
  const bool cut = kept.size() < lines->size();
  co_return json_response(200, {{"source", log->name}, {"cut", cut}, {"lines", std::move(kept)}});
}

Task<HttpResponse> get_conninfo(ContextPtr context, Call) {
  const auto conninfo = context->sources.status->conninfo();
  if (!conninfo) co_return problem(conninfo.error());
  co_return json_response(200, {{"conninfo", incident::redact(*conninfo)}});
}

}  // namespace pgkeel::serve
