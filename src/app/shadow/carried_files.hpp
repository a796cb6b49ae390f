// What people keep in a data directory beside PostgreSQL's own files: its configuration, keys,
// certificates. A copy made from a backup has them as they were then.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::app {

/// Whether a plain file of that name, at the top of a data directory, is neither the server's own
/// nor pgkeel's.
[[nodiscard]] bool is_carried(std::string_view name);

/// A link or a directory of people's own at the top of a data directory: it is not carried. Empty:
/// there is none.
[[nodiscard]] std::string not_carried(const std::filesystem::path& from);

/// Copies them from one data directory over those of another, owner and mode included; durable when
/// it returns. A link, a directory and what is neither the directory's account's nor root's are
/// left as they are. Io.
Result<void> carry_files(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace pgkeel::app
