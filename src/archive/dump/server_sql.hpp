// What dumps ask a server themselves: whose data it is, which databases there are, and the rows of
// every table under the very snapshot that pg_dump then reads.
#pragma once

#include <stop_token>
#include <vector>

#include "archive/catalog/dump.hpp"
#include "archive/catalog/lease.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/dump/client_programs.hpp"
#include "archive/dump/judge.hpp"
#include "client/replication.hpp"

namespace pgkeel::archive {

struct DumpedServer {
  Marker marker;
  ServerPosition position;
  int version_num = 0;
  bool superuser = false;
  std::vector<std::string> databases;  ///< that take connections, but for template0
};
/// By SQL alone: a managed service lets nobody replicate. Permission when not even that is allowed.
[[nodiscard]] Result<DumpedServer> read_dumped_server(const DumpServer& server);

/// An ordinary session in `database`; a query may take as long as a large table does.
[[nodiscard]] Result<client::ReplicationSession> open_sql(const DumpServer& server,
                                                          const std::string& database);

[[nodiscard]] Result<DatabaseLocale> read_locale(client::ReplicationSession& session);

struct CountedTables {
  RowCounts rows;
  TableOids oids;
};
/// Every table whose rows a dump holds, counted. NotFound when one of them went away meanwhile.
[[nodiscard]] Result<CountedTables> count_rows(client::ReplicationSession& session,
                                               const std::stop_token& stop);

/// The first value of the first row; empty when there is none.
[[nodiscard]] Result<std::string> first_value(client::ReplicationSession& session,
                                              const std::string& sql);

}  // namespace pgkeel::archive
