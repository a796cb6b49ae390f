// See sessions.hpp.
#include "recover/playbooks/sessions.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "pg/sqlstate.hpp"
#include "recover/sessions_policy.hpp"
#include "recover/sql.hpp"
#include "sense/catalog_rows.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr Seconds kGonePatience{3};
constexpr Millis kGoneLookEvery{50};

std::string micros(std::string_view column) {
  return fmt::format("(extract(epoch from {}) * 1000000)::int8", column);
}

const std::string& end_statement() {
  static const auto text = fmt::format(
      "select pg_terminate_backend(a.pid) from pg_stat_activity a where a.pid = $1::int and {} = "
      "$2::int8 and a.state = $3 and {} = $4::int8 and {}",
      micros("a.backend_start"), micros("a.state_change"), kMayBeEnded);
  return text;
}

std::string not_refused(const StepContext& context) {
  const auto& login = context.services.senses.observation().login;
  if (clients_are_refused(login)) return {};
  if (!login.ok()) return fmt::format("logins fail otherwise: {}", login.note);
  return fmt::format("{} of {} are used", login.client_connections_used(),
                     login.client_connections());
}

std::string nothing_idle(const StepContext& context) {
  const auto& activity = context.services.senses.observation().activity;
  if (!activity.fresh(context.services.loop.now())) return "it was not looked at of late";
  return has_idle_sessions(activity, context.services.end_sessions) ? "" : "it has seen none";
}

std::string no_idle_transaction(const StepContext& context) {
  const auto& activity = context.services.senses.observation().activity;
  if (!activity.fresh(context.services.loop.now())) return "it was not looked at of late";
  return has_idle_transaction(activity, context.services.end_sessions) ? "" : "it has seen none";
}

}  // namespace

const std::string& session_columns() {
  static const auto text = fmt::format(
      "a.pid, {}, a.state, {}, a.usename, a.application_name, a.datname, "
      "coalesce(host(a.client_addr), 'local'), extract(epoch from now() - a.state_change)::int8",
      micros("a.backend_start"), micros("a.state_change"));
  return text;
}

ClientSession read_session(const client::Rows& rows, std::size_t row, std::size_t first) {
  const auto text = [&](std::size_t column) { return sense::read_text(rows, row, first + column); };
  return {text(0), text(1), text(2),
          text(3), text(4), text(5),
          text(6), text(7), Seconds(rows.int64(row, first + 8).value_or(0))};
}

Task<Result<bool>> end_session(Services* services, client::Connection* connection,
                               ClientSession session) {
  client::Params parameters{session.pid, session.began, session.state, session.changed};
  const auto rows = co_await run_on(services, connection, end_statement(), std::move(parameters));
  if (!rows) co_return fail(rows.error());
  co_return !rows->empty() && rows->boolean(0, 0).value_or(false);
}

Task<void> await_sessions_gone(Services* services, client::Connection* connection,
                               std::vector<ClientSession> ended) {
  std::string pids;
  for (const auto& session : ended) pids += (pids.empty() ? "" : ",") + session.pid;
  const auto until = services->loop.after(kGonePatience);
  while (services->loop.now() < until) {
    client::Params parameters{"{" + pids + "}"};
    const auto rows = co_await run_on(
        services, connection, "select from pg_stat_activity where pid = any ($1::int[]) limit 1",
        std::move(parameters));
    if (!rows || rows->empty()) co_return;
    static_cast<void>(co_await services->loop.sleep_for(kGoneLookEvery));
  }
}

std::string whose(const ClientSession& session) {
  return fmt::format("role {}, application {}, from {}", session.role,
                     session.application.empty() ? "unnamed" : session.application,
                     session.address);
}

std::string words(const ClientSession& session) {
  return fmt::format("pid {} ({}, database {}), {} for {}", session.pid, whose(session),
                     session.database, session.state, humane_duration(session.idle));
}

constinit const Precondition kClientsAreRefused{"no connection is left for clients", not_refused};
constinit const Precondition kIdleSessionsSeen{
    "the look inside saw sessions that do nothing for longer than the policy allows", nothing_idle};
constinit const Precondition kIdleTransactionSeen{
    "the look inside saw a transaction, idle for longer than the policy allows, that others pay "
    "for",
    no_idle_transaction};

}  // namespace pgkeel::recover
