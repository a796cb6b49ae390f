// See foreign_tablespaces.hpp.
#include "archive/restore/foreign_tablespaces.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::archive {

namespace fs = std::filesystem;

Result<void> refuse_foreign_tablespaces(const Backup& backup, const std::set<fs::path>& in_use) {
  for (const auto& directory : in_use) {
    const bool known = std::ranges::any_of(backup.tablespaces, [&](const Tablespace& space) {
      return fs::path(space.location).lexically_normal() == directory.lexically_normal();
    });
    if (known) continue;
    return fail(
        Error(ErrorCode::Refused,
              fmt::format("the server on this machine has a tablespace in {} that backup {} does "
                          "not know; replaying its creation would open the same directory",
                          directory.string(), backup.label))
            .with_hint("Make a new backup first ('pgkeel backup now'), or restore on another "
                       "machine."));
  }
  return {};
}

std::set<fs::path> tablespaces_in(const fs::path& data_dir) {
  std::set<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data_dir / "pg_tblspc", error)) {
    const auto target = fs::read_symlink(entry.path(), error);
    if (!error) found.insert(target);
  }
  return found;
}

}  // namespace pgkeel::archive
