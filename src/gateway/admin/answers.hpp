// The answers of the admin console as messages, appended to what is sent: columns with the names,
// the order and the types of PgBouncer 1.18, later ones of its and ours behind them. Dashboards and
// exporters made for it find what they look for.
// It refuses to know when a client is to be told: ReadyForQuery is the caller's.
#pragma once

#include <span>

#include "gateway/admin/command.hpp"
#include "gateway/admin/snapshots.hpp"
#include "pg/wire/backend_messages.hpp"

namespace pgkeel::gateway::admin {

using pg::wire::ByteBuffer;

/// Everything a SHOW may need; what its topic does not show may be left empty.
struct Snapshots {
  std::span<const PoolSnapshot> pools = {};
  std::span<const ConnectionSnapshot> clients = {};
  std::span<const ConnectionSnapshot> servers = {};
  std::span<const StatsSnapshot> stats = {};
  std::span<const DatabaseSnapshot> databases = {};
  std::span<const ConfigSnapshot> config = {};
  std::span<const PreparedStatementSnapshot> prepared_statements = {};
  std::span<const ListSnapshot> lists = {};
  std::span<const UserSnapshot> users = {};
  std::span<const StateSnapshot> state = {};
  std::string_view version = {};  ///< "0.1.0"
};

/// RowDescription alone, for a Describe; SHOW HELP has none, and NoData is appended.
void append_description(ByteBuffer& out, Topic topic);
/// DataRows and CommandComplete, as behind an Execute. HELP is a notice.
void append_rows(ByteBuffer& out, Topic topic, const Snapshots& snapshots);
/// Both, as behind a Query.
void append_show(ByteBuffer& out, Topic topic, const Snapshots& snapshots);
/// CommandComplete of a verb that was done; of RELOAD a notice says what there was to do.
void append_done(ByteBuffer& out, Verb verb);
/// ErrorResponse: of parse_command(), no_such_database(), ...; the SQLSTATE is XX000 where the
/// error has none.
void append_error(ByteBuffer& out, const Error& error);

}  // namespace pgkeel::gateway::admin
