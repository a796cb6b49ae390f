// What every command about logical dumps needs of the server: whose it is, and the right to write
// the archive.
#pragma once

#include "app/archive/tools.hpp"
#include "archive/dump/server_sql.hpp"

namespace pgkeel::app {

struct DumpAccess {
  archive::DumpServer server;
  archive::DumpedServer facts;
  [[nodiscard]] int major() const;
};

/// The server as it is.
[[nodiscard]] Result<DumpAccess> find_dump_access(const Config& config);

/// The same, with the archive claimed for its cluster and the lease renewed: needed before anything
/// is written or removed. WrongIdentity, Refused.
[[nodiscard]] Result<DumpAccess> claim_for_dumps(const ArchiveTools& tools);

}  // namespace pgkeel::app
