// How pgBackRest, the peer, is set up: a local repository, two processes, zstd as ours.
#pragma once

#include <string>

#include <fmt/format.h>

#include "support/postgres_server.hpp"

namespace pgkeel::bench {

/// Its configuration for stanza "bench", with repository, lock and spool in the server's
/// temp_dir().
[[nodiscard]] inline std::string pgbackrest_config(const test::PostgresServer& server) {
  constexpr const char* kText = R"([global]
repo1-path={0}/repo
repo1-retention-full=99
process-max=2
compress-type=zst
compress-level=3
start-fast=y
log-level-file=off
log-level-console=warn
lock-path={0}/lock
spool-path={0}/spool
[bench]
pg1-path={1}
pg1-port={2}
pg1-socket-path={3}
pg1-user=postgres
)";
  return fmt::format(kText, server.temp_dir().string(), server.data_dir().string(), server.port(),
                     server.socket_dir().string());
}

}  // namespace pgkeel::bench
