// Connection::open: hosts and their addresses one after another, each with its share of the one
// deadline, driven by PQconnectPoll.
#include <algorithm>
#include <chrono>

#include "client/cancel.hpp"
#include "client/connect_error.hpp"
#include "client/connect_target.hpp"
#include "client/session.hpp"

namespace pgkeel::client {
namespace {

using runtime::Task;

// With several hosts and no deadline at all, a silent one must not hold up the next for ever.
constexpr Millis kHostPatienceMax{10'000};
// What is left is divided among the hosts, but never into shares too small for a login.
constexpr Millis kHostPatienceMin{50};

Millis since(SteadyTime began) {
  return std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
}

DbError connect_error(ErrorCode code, std::string detail, const ConnectTarget& target) {
  DbError error;
  error.error = Error(code, std::move(detail));
  error.host = target.label();
  return error;
}

SteadyTime share_of(SteadyTime deadline, std::size_t targets_left) {
  if (targets_left <= 1) return deadline;
  const SteadyTime now = SteadyClock::now();
  const auto share =
      std::chrono::duration_cast<Millis>(deadline - now) / static_cast<Millis::rep>(targets_left);
  return std::min(deadline, now + std::clamp(share, kHostPatienceMin, kHostPatienceMax));
}

ConnectionPtr start_connect(const Keywords& keywords,
                            const std::optional<runtime::Account>& connect_as) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  const runtime::ActingAs acting(connect_as);
  return ConnectionPtr(PQconnectStartParams(names.data(), values.data(), 0));
}

DbError refused(PGconn* pq, const ConnectTarget& target) {
  const ConnectRefusal said = parse_connect_error(PQerrorMessage(pq));
  ErrorCode code = error_code_for(said.sqlstate, Phase::Connect);
  if (PQconnectionNeedsPassword(pq) != 0) code = ErrorCode::AuthFailed;
  DbError error = connect_error(code, said.detail, target);
  error.error.sqlstate = said.sqlstate;
  if (code == ErrorCode::NotFound)
    error.error.hint_override = "Check the database name, or create the database.";
  return error;
}

Task<Result<void>> await_poll(runtime::Loop* loop, PGconn* pq, PostgresPollingStatusType state,
                              Limit limit) {
  if (state == PGRES_POLLING_READING) {
    auto ready = co_await loop->wait_readable(PQsocket(pq), limit.deadline, limit.stop);
    co_return ready;
  }
  auto ready = co_await loop->wait_writable(PQsocket(pq), limit.deadline, limit.stop);
  co_return ready;
}

// Drives a started connection to its end; the key for cancels is caught on the way.
Task<DbResult<>> poll_until_connected(Session* session, ConnectTarget target, Limit limit) {
  PGconn* const pq = session->pq.get();
  KeyCatcher catcher(pq);
  auto state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
    const auto ready = co_await await_poll(session->loop, pq, state, limit);
    if (!ready) {
      const bool stopped = ready.error().code == ErrorCode::Cancelled;
      co_return fail(connect_error(ready.error().code,
                                   stopped ? "the connection attempt was stopped by the caller"
                                           : "no login within the time given",
                                   target));
    }
    state = PQconnectPoll(pq);
  }
  if (state == PGRES_POLLING_FAILED) co_return fail(refused(pq, target));
  session->cancel_key = catcher.finish();
  co_return DbResult<>();
}

Task<DbResult<std::unique_ptr<Session>>> connect_one(runtime::Loop* loop, Keywords keywords,
                                                     std::optional<runtime::Account> connect_as,
                                                     ConnectTarget target, Limit limit) {
  auto session =
      std::make_unique<Session>(*loop, start_connect(keywords, connect_as), target.label());
  PGconn* const pq = session->pq.get();
  if (pq == nullptr) co_return fail(connect_error(ErrorCode::Failed, "out of memory", target));
  PQsetErrorVerbosity(pq, PQERRORS_VERBOSE);
  PQsetErrorContextVisibility(pq, PQSHOW_CONTEXT_NEVER);
  session->listen_for_notices();
  if (PQstatus(pq) == CONNECTION_BAD) co_return fail(refused(pq, target));
  const auto connected = co_await poll_until_connected(session.get(), target, limit);
  if (!connected) co_return fail(connected.error());
  PQsetErrorVerbosity(pq, PQERRORS_DEFAULT);
  PQsetnonblocking(pq, 1);
  co_return session;
}

// Another host may do better, unless the refusal is about who we are or what we ask for.
bool worth_next_host(const DbError& error) {
  if (error.error.code == ErrorCode::Cancelled) return false;
  if (error.error.code == ErrorCode::AuthFailed) return false;
  return error.sqlstate().empty() || error.policy().connection == pg::ConnectionFate::NextHost;
}

struct ConnectPlan {
  runtime::Loop* loop;
  pg::Conninfo conninfo;
  ConnectOptions options;
};

// All addresses of one host.
Task<DbResult<std::unique_ptr<Session>>> connect_host(const ConnectPlan* plan, ConnectTarget host,
                                                      Limit limit) {
  auto resolved = co_await resolve_target(plan->loop, host, limit);
  if (!resolved)
    co_return fail(connect_error(resolved.error().code, resolved.error().detail, host));
  DbError last;
  for (std::size_t index = 0; index < resolved->size(); ++index) {
    const ConnectTarget& target = (*resolved)[index];
    const SteadyTime until = share_of(limit.deadline, resolved->size() - index);
    auto session =
        co_await connect_one(plan->loop, startup_keywords(plan->conninfo, target, plan->options),
                             plan->options.connect_as, target, limit.with_deadline(until));
    if (session) co_return session;
    last = std::move(session).error();
    if (!worth_next_host(last)) break;
  }
  co_return fail(std::move(last));
}

// Keeps the answer of a server over the silence of another: it says more.
void keep_better(std::optional<DbError>& kept, DbError error) {
  if (!kept || kept->sqlstate().empty()) kept = std::move(error);
}

Task<DbResult<std::unique_ptr<Session>>> connect_any(const ConnectPlan* plan, Limit limit) {
  const std::vector<ConnectTarget> hosts = connect_targets(plan->conninfo);
  std::optional<DbError> kept;
  for (std::size_t index = 0; index < hosts.size(); ++index) {
    const SteadyTime until = share_of(limit.deadline, hosts.size() - index);
    auto session = co_await connect_host(plan, hosts[index], limit.with_deadline(until));
    if (session) co_return session;
    const bool go_on = worth_next_host(session.error());
    if (!go_on) co_return fail(std::move(session).error());
    keep_better(kept, std::move(session).error());
  }
  co_return fail(*std::move(kept));
}

// libpq's "prefer-standby" looks at all hosts twice; with one host at a time we do the same.
std::vector<std::string> wanted_roles(const pg::Conninfo& conninfo) {
  const auto wanted = conninfo.options.find("target_session_attrs");
  if (wanted == conninfo.options.end()) return {""};
  if (wanted->second == "prefer-standby") return {"standby", "any"};
  return {wanted->second};
}

}  // namespace

Task<DbResult<Connection>> Connection::open(runtime::Loop& loop, pg::Conninfo conninfo,
                                            ConnectOptions options) {
  const SteadyTime began = loop.now();
  const Limit limit(options.deadline, options.stop);
  const std::vector<std::string> roles = wanted_roles(conninfo);
  ConnectPlan plan{.loop = &loop, .conninfo = std::move(conninfo), .options = std::move(options)};
  DbError last;
  for (std::size_t index = 0; index < roles.size(); ++index) {
    if (!roles[index].empty()) plan.conninfo.options["target_session_attrs"] = roles[index];
    const SteadyTime until = share_of(limit.deadline, roles.size() - index);
    auto session = co_await connect_any(&plan, limit.with_deadline(until));
    if (session) co_return Connection(*std::move(session));
    last = std::move(session).error();
  }
  last.elapsed = since(began);
  co_return fail(std::move(last));
}

}  // namespace pgkeel::client
