// What to do when a server refuses replication: the exact line or statement. Pure.
#pragma once

#include <string>
#include <string_view>

#include "client/connect_error.hpp"
#include "pg/conninfo.hpp"

namespace pgkeel::client {

/// For a refused login; empty where the table's own hint is as good. A missing pg_hba.conf entry
/// gets the line to add, with the address as the server sees it when its message tells.
[[nodiscard]] std::string replication_hint(const ConnectRefusal& refusal,
                                           const pg::Conninfo& conninfo);
/// For a refused command (BASE_BACKUP, START_REPLICATION); empty likewise.
[[nodiscard]] std::string replication_command_hint(std::string_view sqlstate,
                                                   std::string_view user);

}  // namespace pgkeel::client
