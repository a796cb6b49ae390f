// Clients find no connection left: sessions that do nothing are ended, the longest idle first, of
// the role, application and address that holds most of those that have any, and only as many as
// make a fifth of the connections free; then, where that freed none, sessions idle in a transaction
// beyond their own policy. Through a connection that is reserved for superusers.
// It refuses to restart the server, and to end anybody who works, listens or is spared by
// sessions.hpp; where nobody else is left it names who holds the connections and calls a human.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "pg/sqlstate.hpp"
#include "recover/playbooks/sessions.hpp"
#include "recover/sql.hpp"
#include "sense/catalog_rows.hpp"

namespace pgkeel::recover {
namespace {

using client::Connection;
using runtime::Task;

constexpr double kKeptShare = 0.8;
// Of a run; the next one goes on where clients are still refused.
constexpr int kEndedMost = 50;
constexpr std::size_t kOffendersNamed = 3;
constexpr Seconds kAskedAgain{600};  // where nobody may be ended
constexpr Seconds kLookPatience{3};
constexpr Seconds kDoorPatience{5};
constexpr Millis kDoorEvery{100};
constexpr std::string_view kEnded = "ended";  // the note of this run

constexpr std::string_view kRoom =
    "select (select count(*) from pg_stat_activity where backend_type = 'client backend'"
    " and pid <> pg_backend_pid()), current_setting('max_connections')::int8"
    " - current_setting('superuser_reserved_connections')::int8"
    " - coalesce(current_setting('reserved_connections', true), '0')::int8";

// Who holds most connections of those that have sessions to end, and these sessions of theirs.
constexpr std::string_view kCandidates =
    "with client as materialized (select a.*, a.state like $1 and a.state_change <= now() -"
    " make_interval(secs => $2::int8) and {} and {} as endable from pg_stat_activity a"
    " where a.backend_type = 'client backend'), offender as (select usename, application_name,"
    " client_addr from client group by 1, 2, 3 having bool_or(endable) order by count(*) desc"
    " limit 1) select {} from client a, offender o where a.endable and a.usename = o.usename"
    " and a.application_name = o.application_name"
    " and a.client_addr is not distinct from o.client_addr order by a.state_change limit $3::int8";

constexpr std::string_view kOffenders =
    "select format('%s of role %s, application %s, from %s (%s active, %s idle in a transaction)',"
    " count(*), usename, coalesce(nullif(application_name, ''), 'unnamed'),"
    " coalesce(host(client_addr), 'local'), count(*) filter (where state = 'active'),"
    " count(*) filter (where state like 'idle in transaction%')) from pg_stat_activity"
    " where backend_type = 'client backend' and pid <> pg_backend_pid()"
    " group by usename, application_name, client_addr order by count(*) desc limit $1::int8";

// What may be ended, and after how long.
struct Kind {
  std::string_view states;  // as LIKE takes them
  Seconds after{0};
  std::string_view key;
};
Kind idle(const StepContext& context) {
  return {"idle", context.services.end_sessions.idle, "recover.idle_sessions"};
}
Kind in_transaction(const StepContext& context) {
  return {"idle in transaction%", context.services.end_sessions.idle_in_transaction,
          "recover.idle_in_transaction"};
}

struct Room {
  std::int64_t used = 0;
  std::int64_t all = 0;
  [[nodiscard]] bool none() const { return used >= all; }
  [[nodiscard]] std::int64_t surplus() const {
    const auto kept = static_cast<std::int64_t>(std::floor(kKeptShare * static_cast<double>(all)));
    return std::clamp<std::int64_t>(used - kept, 1, kEndedMost);
  }
};

Task<Result<Room>> look_at_room(Services* services, Connection* connection) {
  const auto rows = co_await run_on(services, connection, std::string(kRoom));
  if (!rows) co_return fail(rows.error());
  CO_TRY(used, rows->int64(0, 0));
  CO_TRY(all, rows->int64(0, 1));
  co_return Room{used, all};
}

Task<Result<std::vector<ClientSession>>> candidates(Services* services, Connection* connection,
                                                    Kind kind, std::int64_t most) {
  client::Params parameters{std::string(kind.states), std::to_string(kind.after.count()),
                            std::to_string(most)};
  const auto rows = co_await run_on(
      services, connection,
      fmt::format(fmt::runtime(kCandidates), kMayBeEnded, kIsMissedByNobody, session_columns()),
      std::move(parameters));
  if (!rows) co_return fail(rows.error());
  std::vector<ClientSession> found;
  for (std::size_t row = 0; row < rows->size(); ++row) found.push_back(read_session(*rows, row));
  co_return found;
}

Task<Result<std::vector<ClientSession>>> end_each(Services* services, Connection* connection,
                                                  std::vector<ClientSession> sessions) {
  std::vector<ClientSession> ended;
  for (const auto& session : sessions) {
    const auto gone = co_await end_session(services, connection, session);
    if (!gone) co_return fail(gone.error());
    if (*gone) ended.push_back(session);
  }
  if (!ended.empty()) co_await await_sessions_gone(services, connection, ended);
  co_return ended;
}

std::string ended_words(const std::vector<ClientSession>& ended) {
  std::string pids;
  for (const auto& session : ended) pids += (pids.empty() ? "" : ", ") + session.pid;
  return fmt::format("ended {} of {}, {} for {} to {}: pid {}", ended.size(), whose(ended.front()),
                     ended.front().state, humane_duration(ended.back().idle),
                     humane_duration(ended.front().idle), pids);
}

Task<StepResult> end_surplus(StepContext* context, Connection* connection, Kind kind) {
  auto* services = &context->services;
  const auto room = co_await look_at_room(services, connection);
  if (!room) co_return StepResult::failed(room.error());
  if (!room->none())
    co_return StepResult::skipped(
        fmt::format("{} of {} connections are used by now", room->used, room->all));
  if (kind.after == Seconds(0)) co_return StepResult::skipped(fmt::format("{} = 0", kind.key));
  auto found = co_await candidates(services, connection, kind, room->surplus());
  if (!found) co_return StepResult::failed(found.error());
  const auto ended = co_await end_each(services, connection, std::move(*found));
  if (!ended) co_return StepResult::failed(ended.error());
  if (ended->empty())
    co_return StepResult::skipped(
        fmt::format("none that may be ended has done nothing for {}", humane_duration(kind.after)));
  context->notes[std::string(kEnded)] = "yes";
  services->senses.forget_activity();
  co_await services->senses.look_now(services->loop.after(kLookPatience));
  co_return StepResult::done(ended_words(*ended));
}

// The reserved connections are few, and others' logins pass through them.
Task<Result<Connection>> get_in(StepContext* context) {
  auto* services = &context->services;
  const auto until = services->loop.after(kDoorPatience);
  while (true) {
    auto connection = co_await open_session(services, maintenance_database(*services));
    if (connection) co_return std::move(*connection);
    const bool full = connection.error().sqlstate == pg::sqlstate::kTooManyConnections;
    if (!full || services->loop.now() >= until) co_return fail(connection.error());
    static_cast<void>(co_await services->loop.sleep_for(kDoorEvery));
  }
}

StepResult not_let_in(const StepContext& context, const Error& error) {
  const auto& rights = context.services.senses.observation().rights;
  const bool full = error.sqlstate == pg::sqlstate::kTooManyConnections;
  if (!full || !rights.seen || rights.superuser) return StepResult::failed(error);
  auto result = StepResult::for_human(
      "a human: the guard itself gets no connection: its role is no superuser and lacks "
      "pg_use_reserved_connections, or has a limit of its own (" +
      error.detail + ")");
  result.retry_after = Seconds(60);
  return result;
}

std::string describe_idle(const StepContext& context) {
  return fmt::format(
      "end sessions that have done nothing for {}, at most {}, of whoever holds most connections, "
      "until {:.0f} % of them are used",
      humane_duration(context.services.end_sessions.idle), kEndedMost, 100 * kKeptShare);
}

Task<StepResult> end_idle(StepContext* context) {
  auto connection = co_await get_in(context);
  if (!connection) co_return not_let_in(*context, connection.error());
  auto result = co_await end_surplus(context, &*connection, idle(*context));
  co_return result;
}

// After the first step has made room, these need not hold: the second has nothing to do then.
std::string refused_or_done(const StepContext& context) {
  return context.notes.contains(std::string(kEnded)) ? "" : kClientsAreRefused.objection(context);
}
std::string idle_or_done(const StepContext& context) {
  return context.notes.contains(std::string(kEnded)) ? "" : kIdleSessionsSeen.objection(context);
}
constexpr Precondition kStillRefused{"still no connection is left for clients", refused_or_done};
constexpr Precondition kStillIdle{"the look inside saw sessions that do nothing", idle_or_done};

std::string describe_open(const StepContext& context) {
  return fmt::format(
      "if none is free by then, end sessions idle in a transaction for {} in the same way",
      humane_duration(context.services.end_sessions.idle_in_transaction));
}

Task<StepResult> call_human(StepContext* context, Connection* connection) {
  client::Params parameters{std::to_string(kOffendersNamed)};
  const auto rows = co_await run_on(&context->services, connection, std::string(kOffenders),
                                    std::move(parameters));
  if (!rows) co_return StepResult::failed(rows.error());
  std::string who;
  for (std::size_t row = 0; row < rows->size(); ++row)
    who += (row == 0 ? "" : "; ") + sense::read_text(*rows, row, 0);
  auto result = StepResult::for_human(
      "a human: no session may be ended by the policy; the connections are held by " + who);
  result.retry_after = kAskedAgain;
  co_return result;
}

Task<StepResult> end_open(StepContext* context) {
  if (context->notes.contains(std::string(kEnded)))
    co_return StepResult::skipped("idle sessions were ended");
  auto connection = co_await get_in(context);
  if (!connection) co_return not_let_in(*context, connection.error());
  auto result = co_await end_surplus(context, &*connection, in_transaction(*context));
  if (result.outcome != incident::ActionOutcome::Skipped) co_return result;
  const auto room = co_await look_at_room(&context->services, &*connection);
  if (!room || !room->none()) co_return result;
  result = co_await call_human(context, &*connection);
  co_return result;
}

constexpr Step kSteps[] = {{"end_idle_sessions",
                            describe_idle,
                            end_idle,
                            Effect::Final,
                            "a session that does nothing has nothing uncommitted; its client "
                            "connects again, and finds its "
                            "temporary tables and prepared statements gone",
                            {&kClientsAreRefused, &kIdleSessionsSeen}},
                           {"end_idle_transactions",
                            describe_open,
                            end_open,
                            Effect::Final,
                            "what is rolled back was never acknowledged; its client connects again",
                            {&kStillRefused, &kStillIdle}}};

}  // namespace

const Playbook kEndIdleSessions{
    "end_idle_sessions",
    "End sessions that do nothing, of whoever holds most, while clients are refused.", kSteps,
    "a login and a write succeed, and connections are free"};

}  // namespace pgkeel::recover
