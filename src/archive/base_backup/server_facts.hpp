// What a backup records of the server beside its files: who it is, its settings that matter for a
// restore, what a restore will not bring back, and configuration outside the data directory.
// What only SQL can tell is best effort: a role that may replicate but not log in elsewhere still
// gets its backup, with a warning.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong.hpp"
#include "client/replication.hpp"

namespace pgkeel::archive {

using Warn = std::function<void(std::string_view)>;

struct ServerFacts {
  SystemId system_id;
  std::uint64_t wal_segment_bytes = 0;
  bool data_checksums = false;
};

/// Through the replication protocol itself. Malformed, ConnectionLost, Query.
[[nodiscard]] Result<ServerFacts> read_server_facts(client::ReplicationSession& session);

struct ConfigFile {
  std::string path;  ///< on the server, absolute
  std::string content;
};

struct SqlFacts {
  std::string libc;                   ///< "glibc 2.36"; empty when not known
  std::vector<std::string> unlogged;  ///< "shop.public.carts", sorted
  std::vector<ConfigFile> outside;    ///< configuration outside the data directory
};

/// Through ordinary sessions, one per database. Whatever fails becomes a warning.
[[nodiscard]] SqlFacts read_sql_facts(const pg::Conninfo& conninfo,
                                      const client::ReplicationOptions& options, const Warn& warn);

}  // namespace pgkeel::archive
