// Whose the files of a data directory are, and giving them back to the server's account. A copy
// made as root or a chown of the wrong directory leaves them to one other account; that alone is
// undone here.
// It guarantees: symbolic links are never followed and other file systems never entered; each file
// is changed through the descriptor it was judged by, so that nothing can be put in its place in
// between. It refuses what has no place in a data directory or may be somebody else's as well:
// devices, pipes, files with a second hard link.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/result.hpp"

namespace pgkeel::instance {

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct OwnerSurvey {
  std::uint64_t entries = 0;  ///< files, directories and links, the directory itself included
  std::uint64_t foreign = 0;  ///< of them, not of the account they should be
  std::optional<uid_t> foreign_uid;
};

/// Looks at everything below, changes nothing. Refused: they are of more than one other account, or
/// something is there that must not be given away; which, in the detail.
[[nodiscard]] Result<OwnerSurvey> survey_owners(const std::filesystem::path& data_dir, uid_t right);

/// Gives everything that is of `from` to `to`; returns how many entries. What was given before an
/// error stays so; calling it again goes on.
Result<std::uint64_t> give_owner(const std::filesystem::path& data_dir, uid_t from, Owner to);

}  // namespace pgkeel::instance
