// Opening a database file that may be damaged. A damaged one is kept under another name, with its
// -wal and -shm, and a new one takes its place with what could still be read of the tables asked
// for. Killed between any two steps, the next call finishes or begins again; at no moment does a
// new file stand beside an old one's -wal, and nothing that was there is deleted.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "incident/schema.hpp"
#include "incident/statement.hpp"

namespace pgkeel::incident {

struct DatabaseFile {
  std::filesystem::path path;
  Durability durability = Durability::EveryCommit;
  SchemaSteps steps;
  /// Tables whose rows are copied out of a damaged file, as far as they can be read.
  std::span<const std::string_view> rescued;
};

struct OpenedFile {
  std::unique_ptr<Database> database;
  std::string note;  ///< what had to be put aside, in words; empty when nothing
};

[[nodiscard]] Result<OpenedFile> open_or_replace(const DatabaseFile& file);

/// Whether the name exists, dangling links included.
[[nodiscard]] bool is_present(const std::filesystem::path& path);
/// A SQLite database's files are its path with each of these behind it.
inline constexpr std::string_view kFileSuffixes[] = {"", "-wal", "-shm"};
[[nodiscard]] std::filesystem::path with_suffix(const std::filesystem::path& path,
                                                std::string_view suffix);

}  // namespace pgkeel::incident
