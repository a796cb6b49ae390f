// A session that does nothing in an open transaction while others wait for it, or dead rows are
// kept for it, is ended once that has lasted longer than recover.idle_in_transaction: one at a
// time, the one that most wait for first. A session that is idle waits for nobody, so it is the
// root of whatever waits behind it. It refuses to end one that works, whatever it blocks, or a
// superuser's: those a human is told of.
#include <fmt/format.h>

#include "recover/playbooks/sessions.hpp"
#include "recover/sessions_policy.hpp"
#include "recover/sql.hpp"
#include "sense/catalog_rows.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr Seconds kAskedAgain{600};  // of one that may not be ended

// Those that may be ended first. Few are asked about who wait; the answer locks the lock table.
constexpr std::string_view kOffender =
    "with waiter as materialized (select w.pid, w.usename, w.application_name,"
    " pg_blocking_pids(w.pid) as blockers from (select * from pg_stat_activity"
    " where wait_event_type = 'Lock' order by query_start limit 50) w),"
    " held as (select b.pid, count(*) as waiters, left(string_agg(format('pid %s (%s, %s)', w.pid,"
    " w.usename, w.application_name), ', ' order by w.pid), 200) as who"
    " from waiter w, unnest(w.blockers) b (pid) group by 1)"
    " select {}, {} and a.application_name !~ '^pg_(dump|restore|basebackup)' as endable, "
    "coalesce(h.waiters, 0), coalesce(h.who, ''),"
    " greatest(age(a.backend_xmin), age(a.backend_xid)),"
    " extract(epoch from now() - a.xact_start)::int8"
    " from pg_stat_activity a left join held h on h.pid = a.pid"
    " where a.backend_type = 'client backend' and a.state like 'idle in transaction%'"
    " and a.state_change <= now() - make_interval(secs => $1::int8)"
    " and (h.waiters > 0 or greatest(age(a.backend_xmin), age(a.backend_xid)) > $2::int8)"
    " order by endable desc, h.waiters desc nulls last, a.xact_start limit 1";

struct Offender {
  ClientSession session;
  bool endable = false;
  std::int64_t waiters = 0;
  std::string who;
  std::int64_t xmin_age = 0;
  Seconds open_for{0};
};

std::string words(const Offender& offender) {
  auto text = fmt::format("{}, its transaction open for {}", words(offender.session),
                          humane_duration(offender.open_for));
  if (offender.waiters > 0) text += fmt::format("; waited for it: {}", offender.who);
  if (offender.xmin_age > kXminAgeFelt)
    text += fmt::format("; dead rows of {} transactions were kept for it", offender.xmin_age);
  return text;
}

Task<Result<std::optional<Offender>>> look(Services* services, client::Connection* connection) {
  client::Params parameters{std::to_string(services->end_sessions.idle_in_transaction.count()),
                            std::to_string(kXminAgeFelt)};
  const auto rows = co_await run_on(
      services, connection, fmt::format(fmt::runtime(kOffender), session_columns(), kMayBeEnded),
      std::move(parameters));
  if (!rows) co_return fail(rows.error());
  if (rows->empty()) co_return std::optional<Offender>();
  constexpr auto kNext = kSessionColumns;
  Offender found;
  found.session = read_session(*rows, 0);
  found.endable = rows->boolean(0, kNext).value_or(false);
  found.waiters = rows->int64(0, kNext + 1).value_or(0);
  found.who = sense::read_text(*rows, 0, kNext + 2);
  found.xmin_age = rows->int64(0, kNext + 3).value_or(0);
  found.open_for = Seconds(rows->int64(0, kNext + 4).value_or(0));
  co_return std::optional(std::move(found));
}

std::string describe_end(const StepContext& context) {
  return fmt::format(
      "end the session that has done nothing in its transaction for {} or longer and that most "
      "others wait for",
      humane_duration(context.services.end_sessions.idle_in_transaction));
}

StepResult may_not_be_ended(const Offender& offender) {
  auto result = StepResult::for_human(fmt::format(
      "a human: {}; it is a superuser's, a replication role's, a dump's or a tool's of pgkeel, "
      "and not ended unasked: select pg_terminate_backend({})",
      words(offender), offender.session.pid));
  result.retry_after = kAskedAgain;
  return result;
}

Task<StepResult> end_offender(StepContext* context) {
  auto* services = &context->services;
  auto connection = co_await open_session(services, maintenance_database(*services));
  if (!connection) co_return StepResult::failed(connection.error());
  const auto found = co_await look(services, &*connection);
  if (!found) co_return StepResult::failed(found.error());
  // Whatever was seen is not so any more, or is not after this.
  services->senses.forget_activity();
  if (!found->has_value()) co_return StepResult::skipped("it is over by now");
  const auto& offender = **found;
  if (!offender.endable) co_return may_not_be_ended(offender);
  const auto ended = co_await end_session(services, &*connection, offender.session);
  if (!ended) co_return StepResult::failed(ended.error());
  if (!*ended) co_return StepResult::skipped("it went on by itself");
  std::vector<ClientSession> gone{offender.session};
  co_await await_sessions_gone(services, &*connection, std::move(gone));
  co_return StepResult::done("ended " + words(offender));
}

constexpr Step kSteps[] = {{"end_idle_transaction",
                            describe_end,
                            end_offender,
                            Effect::Final,
                            "what is rolled back was never acknowledged; its client connects again",
                            {&kServerAnswers, &kIdleTransactionSeen}}};

}  // namespace

const Playbook kEndIdleTransaction{
    "end_idle_transaction",
    "End a session that does nothing in an open transaction while others pay for it.", kSteps,
    "nobody waits for a session that does nothing"};

}  // namespace pgkeel::recover
