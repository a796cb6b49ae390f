// See session_view.hpp.
#include "sense/session_view.hpp"

#include "sense/catalog_rows.hpp"
#include "sense/session.hpp"

namespace pgkeel::sense {
namespace {

using client::Connection;
using client::DbResult;
using client::Rows;
using runtime::Task;

// A plain role does not see what kind of session another role's is; those with a user and a
// database are clients'.
constexpr std::string_view kSessionView =
    "select pg_is_in_recovery(), current_setting('server_version_num'),"
    " (select count(*) from pg_stat_activity where backend_type = 'client backend'"
    " or (backend_type is null and usesysid is not null and datid is not null)),"
    " current_setting('max_connections'), current_setting('superuser_reserved_connections')::int"
    " + coalesce(current_setting('reserved_connections', true), '0')::int,"
    " extract(epoch from pg_postmaster_start_time())::bigint";

// Membership is asked by oid: a role that this major does not have is a missing row, not an error.
constexpr std::string_view kRights =
    "with member (name) as (select rolname from pg_roles where pg_has_role(oid, 'usage')"
    " and rolname in ('pg_read_all_stats', 'pg_read_all_settings', 'pg_signal_backend'))"
    " select current_user, r.rolsuper, r.rolreplication, r.rolcreatedb,"
    " pg_has_role(d.datdba, 'usage'), exists (select from member where name = 'pg_read_all_stats'),"
    " exists (select from member where name = 'pg_read_all_settings'),"
    " exists (select from member where name = 'pg_signal_backend'),"
    " has_function_privilege('pg_catalog.pg_control_system()', 'execute')"
    " and has_function_privilege('pg_catalog.pg_control_checkpoint()', 'execute')"
    " from pg_roles r, pg_database d"
    " where r.rolname = current_user and d.datname = current_database()";

constexpr std::string_view kIdentity =
    "select system_identifier, (select timeline_id from pg_control_checkpoint())"
    " from pg_control_system()";

// Rights hardly ever change, and where they matter a session is kept; a visit asks each time.
constexpr Seconds kRightsEvery{600};

bool is_true(const Rows& rows, std::size_t column) {
  return rows.text(0, column).value_or("f") == "t";
}

void read_view(LoginFacts& login, const Rows& rows, SteadyTime now) {
  if (rows.size() != 1) return;
  login.in_recovery = is_true(rows, 0);
  login.server_version = static_cast<int>(rows.int64(0, 1).value_or(0));
  login.connections_used = static_cast<int>(rows.int64(0, 2).value_or(0));
  login.connections_max = static_cast<int>(rows.int64(0, 3).value_or(0));
  login.connections_reserved = static_cast<int>(rows.int64(0, 4).value_or(0));
  const bool crowded = login.connections_max > 0 && login.client_connections_used() >=
                                                        kCrowdedShare * login.client_connections();
  if (login.crowded_looks == 0) login.crowded_since = now;
  login.crowded_looks = crowded ? login.crowded_looks + 1 : 0;
  login.postmaster_started = WallTime{Seconds(rows.int64(0, 5).value_or(0))};
}

RightsFacts read_rights(const Rows& rows, SteadyTime now) {
  RightsFacts rights;
  rights.at = now;
  rights.seen = rows.size() == 1;
  if (!rights.seen) return rights;
  rights.role = read_text(rows, 0, 0);
  rights.superuser = is_true(rows, 1);
  rights.replication = is_true(rows, 2);
  rights.createdb = is_true(rows, 3);
  rights.owns_database = is_true(rows, 4);
  rights.reads_stats = is_true(rows, 5);
  rights.reads_settings = is_true(rows, 6);
  rights.signals = is_true(rows, 7);
  rights.reads_control = is_true(rows, 8);
  return rights;
}

Task<DbResult<Rows>> ask(Board* board, Connection* session, std::string_view sql) {
  auto rows =
      co_await session->query(std::string(sql), {}, board->loop.after(board->options.timeout));
  co_return rows;
}

Task<DbResult<void>> view_rights(Board* board, Connection* session) {
  const auto& rights = board->seen.rights;
  const bool fresh = rights.seen && board->loop.now() - rights.at < kRightsEvery;
  if (fresh && board->options.keeps_sessions()) co_return DbResult<void>();
  const auto rows = co_await ask(board, session, kRights);
  if (!rows) co_return fail(rows.error());
  board->seen.rights = read_rights(*rows, board->loop.now());
  co_return DbResult<void>();
}

// Where the control file can be read itself, it is; it also speaks for a server that is down.
Task<DbResult<void>> view_identity(Board* board, Connection* session) {
  if (board->seen.reach.sees_files || !board->seen.rights.reads_control) co_return DbResult<void>();
  const auto rows = co_await ask(board, session, kIdentity);
  if (!rows) co_return fail(rows.error());
  if (rows->size() != 1) co_return DbResult<void>();
  auto& login = board->seen.login;
  login.system_id = SystemId{static_cast<std::uint64_t>(rows->int64(0, 0).value_or(0))};
  login.timeline = TimelineId{static_cast<std::uint32_t>(rows->int64(0, 1).value_or(0))};
  co_return DbResult<void>();
}

}  // namespace

Task<DbResult<void>> view_session(Board* board, Connection* session, SteadyTime started) {
  const auto rows =
      co_await session->query(std::string(kSessionView), {}, started + board->options.timeout);
  if (!rows) co_return fail(rows.error());
  const auto rights = co_await view_rights(board, session);
  if (!rights) co_return fail(rights.error());
  const auto identity = co_await view_identity(board, session);
  if (!identity) co_return fail(identity.error());
  read_view(board->seen.login, *rows, board->loop.now());
  note_probe(*board, board->seen.login, ProbeResult::Ok, started);
  co_return DbResult<void>();
}

void note_login_failure(Board& board, SteadyTime started, const client::DbError& error) {
  note_probe(board, board.seen.login, probe_result_of(error), started,
             std::string(error.sqlstate()), error.error.detail);
}

}  // namespace pgkeel::sense
