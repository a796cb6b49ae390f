// Ending sessions of clients, for the playbooks that must: who is never ended, and the statement
// that ends a session only while it is still the one that was looked at: its number may be
// another's by then, or it may have gone to work. What such an end costs: its client sees its
// connection closed, what it had not committed is rolled back, and what the session kept for itself
// (temporary tables, prepared statements) is gone.
#pragma once

#include <span>

#include "client/connection.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// Of a client, with what is compared again in the server's own words.
struct ClientSession {
  std::string pid;
  std::string began;  ///< backend_start, in microseconds
  std::string state;
  std::string changed;  ///< state_change, in microseconds
  std::string role;
  std::string application;
  std::string database;
  std::string address;  ///< "local" over a Unix socket
  Seconds idle{0};      ///< in that state
};

/// The columns of a row `a` of pg_stat_activity that read_session() takes from `first` on.
[[nodiscard]] const std::string& session_columns();
inline constexpr std::size_t kSessionColumns = 9;
[[nodiscard]] ClientSession read_session(const client::Rows& rows, std::size_t row,
                                         std::size_t first = 0);

/// A condition over such a row. Not superusers', replication roles', the guard's own, or anything
/// that is no client's.
inline constexpr std::string_view kMayBeEnded =
    "a.backend_type = 'client backend' and a.pid <> pg_backend_pid()"
    " and a.application_name not like 'pgkeel%'"
    " and exists (select from pg_roles r where r.oid = a.usesysid"
    " and not r.rolsuper and not r.rolreplication)";
/// Further, of sessions that are ended to make room: no listener, as far as its last statement
/// tells, nobody who holds an advisory lock, no role that has prepared transactions.
inline constexpr std::string_view kIsMissedByNobody =
    "a.query !~* '\\mlisten\\M'"
    " and not exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory')"
    " and not exists (select from pg_prepared_xacts p where p.owner = a.usename)";

/// False: it is not that session any more, or it has moved on since it was looked at.
runtime::Task<Result<bool>> end_session(Services* services, client::Connection* connection,
                                        ClientSession session);
/// Returns when they are gone, or after a few seconds.
runtime::Task<void> await_sessions_gone(Services* services, client::Connection* connection,
                                        std::vector<ClientSession> ended);

/// "pid 12 (role shop, application web, database shop, from 10.0.0.7), idle for 7 min".
[[nodiscard]] std::string words(const ClientSession& session);
/// "role shop, application web, from 10.0.0.7".
[[nodiscard]] std::string whose(const ClientSession& session);

/// Logins are refused with 53300, or no connection of those for clients is free.
extern const Precondition kClientsAreRefused;
/// The look inside has seen sessions that do nothing for longer than the policy allows.
extern const Precondition kIdleSessionsSeen;
/// The look inside has seen one idle in a transaction, beyond the policy, that others pay for.
extern const Precondition kIdleTransactionSeen;

}  // namespace pgkeel::recover
