// What the tests of base backups share: a server, a directory store beside it, and ways to look at
// what was stored with plain programs.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/base_backup/base_backup.hpp"
#include "archive/storage/store.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {

inline constexpr const char* kLabel = "20261121T030000Z";

/// A directory store in `server`'s temporary directory.
[[nodiscard]] std::unique_ptr<archive::Store> store_beside(const PostgresServer& server);
[[nodiscard]] std::filesystem::path store_dir(const PostgresServer& server);

/// A request with shards so small that every test has several.
[[nodiscard]] archive::BackupRequest request_for(const PostgresServer& server,
                                                 archive::Store& store,
                                                 std::string_view database = "postgres");

/// Every difference between the manifest and the tars of the backup, file by file; empty when all
/// are there with their size and checksum.
[[nodiscard]] std::vector<std::string> differences(archive::Store& store,
                                                   const archive::KeyRing& keys,
                                                   const archive::Backup& backup);

/// Runs a shell script as the servers' account; throws with its output when it fails.
std::string shell(const std::string& script);

/// Settings that make a server archive its WAL into `dir` by itself.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> archiving_to(
    const std::filesystem::path& dir);

/// Ends the present segment and waits until `server` has archived it into `dir`.
void await_archived(const PostgresServer& server, const std::filesystem::path& dir);

}  // namespace pgkeel::test
