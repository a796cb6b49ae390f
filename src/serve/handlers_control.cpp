// Everything that changes something. Each takes a small JSON object, asks the guard, and answers
// {"done": true} or the guard's own error as a problem.
#include <algorithm>
#include <tuple>
#include <utility>

#include "serve/handlers.hpp"
#include "serve/problem.hpp"
#include "serve/request_reading.hpp"

namespace pgkeel::serve {
namespace {

// A pause nobody remembers protects nothing; "until resumed" is said with null.
constexpr std::int64_t kPauseMillisMax = 366LL * 86'400'000;

HttpResponse done_or_problem(const Result<>& result) {
  return result ? json_response(200, {{"done", true}}) : problem(result.error());
}

std::string who_asked(const HttpRequest& request, std::string who) {
  if (!who.empty()) return who;
  return request.via == HttpRequest::Via::Unix ? "the API over the Unix socket"
                                               : "the API over TCP";
}

Result<std::optional<Millis>> read_pause(const HttpRequest& request) {
  TRY(body, read_object(request, {"for_ms"}));
  const auto found = body.find("for_ms");
  if (found == body.end() || found->is_null()) return std::nullopt;
  const bool in_range = found->is_number_integer() && *found > 0 && *found <= kPauseMillisMax;
  if (!in_range)
    return fail(Error(ErrorCode::Usage,
                      "\"for_ms\" is not a number of milliseconds above 0 and "
                      "at most 366 days")
                    .with_hint("Write {\"for_ms\": 7200000}, or null to pause until resumed."));
  return Millis(found->get<std::int64_t>());
}

// Either a database alone, or a relation as "schema.table" in "database", or
// "database.schema.table".
struct Forgotten {
  std::string database;
  std::string relation;
  std::string who;
};

std::unexpected<Error> bad_forget() {
  return fail(
      Error(ErrorCode::Usage, "neither a relation nor a database is named")
          .with_hint("Write {\"relation\": \"db.schema.table\"} or {\"database\": \"db\"}."));
}

// At the first dot; two empty texts when there is none.
std::pair<std::string, std::string> split_at_dot(const std::string& name) {
  const auto dot = name.find('.');
  if (dot == std::string::npos) return {};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

Result<Forgotten> read_forgotten(const HttpRequest& request) {
  TRY(body, read_object(request, {"relation", "database", "schema", "who"}));
  TRY(relation, read_text(body, "relation"));
  TRY(of_schema, read_text(body, "schema"));
  TRY(database, read_text(body, "database"));
  TRY(who, read_text(body, "who"));
  if (relation.empty() && database.empty()) return bad_forget();
  if (!of_schema.empty()) {
    if (database.empty() || !relation.empty() || of_schema.contains('.')) return bad_forget();
    return Forgotten{database, of_schema, who_asked(request, who)};
  }
  if (relation.empty()) return Forgotten{database, "", who_asked(request, who)};
  if (database.empty()) std::tie(database, relation) = split_at_dot(relation);
  const auto [schema, table] = split_at_dot(relation);
  if (database.empty() || schema.empty() || table.empty()) return bad_forget();
  return Forgotten{database, relation, who_asked(request, who)};
}

struct AboutIncident {
  std::string incident;
  std::string who;
};

Result<AboutIncident> read_about(const HttpRequest& request) {
  TRY(body, read_object(request, {"incident", "who"}));
  TRY(incident, read_text(body, "incident"));
  TRY(who, read_text(body, "who"));
  if (incident.empty())
    return fail(Error(ErrorCode::Usage, "no incident is named")
                    .with_hint("Write {\"incident\": \"2026-11-21-003\"}."));
  return AboutIncident{std::move(incident), who_asked(request, std::move(who))};
}

Result<NotedChange> read_change(const HttpRequest& request) {
  TRY(body, read_object(request, {"what", "subject", "detail", "who"}));
  TRY(what, read_text(body, "what"));
  TRY(subject, read_text(body, "subject"));
  TRY(detail, read_text(body, "detail"));
  TRY(who, read_text(body, "who"));
  if (subject.empty() || std::ranges::find(kChangesNoted, what) == kChangesNoted.end())
    return fail(Error(ErrorCode::Usage, "neither a known change nor what it is about")
                    .with_hint("Commands such as 'pgkeel protect' write these themselves."));
  return NotedChange{what, subject, detail, who_asked(request, std::move(who))};
}

}  // namespace

Task<HttpResponse> post_cleanup(ContextPtr, Call) {
  co_return problem(Error(ErrorCode::NotSupported, "cleanup is not in effect yet; nothing was done")
                        .with_hint("This guard has no maintenance jobs; nothing needs to be set."));
}

Task<HttpResponse> post_pause(ContextPtr context, Call call) {
  auto duration = read_pause(call.request);
  if (!duration) co_return problem(duration.error());
  const auto result = co_await context->sources.control->pause(*duration);
  co_return done_or_problem(result);
}

Task<HttpResponse> post_resume(ContextPtr context, Call call) {
  const auto body = read_object(call.request, {});
  if (!body) co_return problem(body.error());
  const auto result = co_await context->sources.control->resume();
  co_return done_or_problem(result);
}

Task<HttpResponse> get_unfence(ContextPtr context, Call) {
  const auto plan = co_await context->sources.control->unfence_plan();
  if (!plan) co_return problem(plan.error());
  co_return json_response(200, {{"would", *plan}});
}

Task<HttpResponse> post_unfence(ContextPtr context, Call call) {
  const auto body = read_object(call.request, {"who"});
  if (!body) co_return problem(body.error());
  auto who = read_text(*body, "who");
  if (!who) co_return problem(who.error());
  const auto result =
      co_await context->sources.control->unfence(who_asked(call.request, *std::move(who)));
  co_return done_or_problem(result);
}

Task<HttpResponse> post_application(ContextPtr context, Call call) {
  const auto body = read_object(call.request, {"who"});
  if (!body) co_return problem(body.error());
  auto who = read_text(*body, "who");
  if (!who) co_return problem(who.error());
  const auto result = co_await context->sources.control->apply_application(
      who_asked(call.request, *std::move(who)));
  co_return done_or_problem(result);
}

Task<HttpResponse> post_anchor(ContextPtr context, Call call) {
  const auto body = read_object(call.request, {"anchor"});
  if (!body) co_return problem(body.error());
  const auto word = read_text(*body, "anchor");
  if (!word) co_return problem(word.error());
  if (*word != "keep" && *word != "remove")
    co_return problem(Error(ErrorCode::Usage, "anchor is \"keep\" or \"remove\""));
  const auto result = co_await context->sources.control->set_anchor(*word == "keep");
  co_return done_or_problem(result);
}

Task<HttpResponse> post_forget(ContextPtr context, Call call) {
  auto what = read_forgotten(call.request);
  if (!what) co_return problem(what.error());
  auto* control = context->sources.control;
  auto task = what->relation.empty()
                  ? control->forget_database(what->database, what->who)
                  : control->forget_relation(what->database, what->relation, what->who);
  const auto result = co_await task;
  co_return done_or_problem(result);
}

Task<HttpResponse> post_ack(ContextPtr context, Call call) {
  auto about = read_about(call.request);
  if (!about) co_return problem(about.error());
  const auto result = co_await context->sources.control->acknowledge(about->incident, about->who);
  co_return done_or_problem(result);
}

Task<HttpResponse> post_abandon(ContextPtr context, Call call) {
  auto about = read_about(call.request);
  if (!about) co_return problem(about.error());
  const auto result = co_await context->sources.control->abandon(about->incident, about->who);
  co_return done_or_problem(result);
}

Task<HttpResponse> post_take_back(ContextPtr context, Call call) {
  auto about = read_about(call.request);
  if (!about) co_return problem(about.error());
  const auto result = co_await context->sources.control->take_back(about->incident);
  co_return done_or_problem(result);
}

// Only what commands of ours do: the journal is no notebook.
Task<HttpResponse> post_note(ContextPtr context, Call call) {
  auto change = read_change(call.request);
  if (!change) co_return problem(change.error());
  const auto result = co_await context->sources.control->note_change(*std::move(change));
  co_return done_or_problem(result);
}

}  // namespace pgkeel::serve
