// The WAL a running server has in its files, for tests that read it as it was written.
#pragma once

#include <functional>

#include "pg/wal/reader.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {

/// Where it writes next.
[[nodiscard]] Lsn wal_position(const PostgresServer& server);
/// The same, with all before it on the disk: the files are read, not the server's memory.
[[nodiscard]] Lsn flushed_position(PostgresServer& server);

struct WalRange {
  Lsn from;
  Lsn to;
};
/// On its first timeline. Where the last record ended; a damage fails the test.
Lsn for_each_record(const PostgresServer& server, int major, const WalRange& range,
                    const std::function<void(const pg::WalRecord&)>& take);

}  // namespace pgkeel::test
