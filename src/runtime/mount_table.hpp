// The kernel's table of mounts (/proc/self/mountinfo, proc(5)) as values. Pure: text in, rows out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgkeel::runtime {

struct Mount {
  std::string mount_point;
  std::string type;    ///< ext4, overlay, ...
  std::string source;  ///< device or the word the file system uses instead
  friend bool operator==(const Mount&, const Mount&) = default;
};

/// The rows in the table's order; octal escapes are decoded, lines of another shape are skipped.
[[nodiscard]] std::vector<Mount> parse_mountinfo(std::string_view text);

/// The mount an absolute, canonical path lies on: the longest mount point that holds it, and of
/// several mounts on one point the last, which hides the others. nullptr when the table has none.
[[nodiscard]] const Mount* find_mount(const std::vector<Mount>& mounts, std::string_view path);

}  // namespace pgkeel::runtime
