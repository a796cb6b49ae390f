// Keeps a restored server away from the running one's tablespaces. Replaying the WAL of a CREATE
// TABLESPACE opens the directory it names, and on one host that is the original's.
#pragma once

#include <filesystem>
#include <set>

#include "archive/catalog/backup.hpp"

namespace pgkeel::archive {

/// Refused when the server on this machine uses a tablespace directory that `backup` does not
/// know: it was made after the backup, so the WAL to be replayed creates it.
[[nodiscard]] Result<void> refuse_foreign_tablespaces(
    const Backup& backup, const std::set<std::filesystem::path>& in_use);

/// The tablespace directories of a data directory on this machine, from its links.
[[nodiscard]] std::set<std::filesystem::path> tablespaces_in(const std::filesystem::path& data_dir);

}  // namespace pgkeel::archive
