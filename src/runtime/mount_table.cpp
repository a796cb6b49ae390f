// See mount_table.hpp. A row: "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw",
// where the number of fields before the lone dash varies.
#include "runtime/mount_table.hpp"

#include <optional>

#include "runtime/proc_text.hpp"

namespace pgkeel::runtime {
namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes space, tab, newline and backslash as \ooo.
std::string decode_octal(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      decoded += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                   (text[i + 3] - '0'));
      i += 3;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::optional<Mount> parse_row(std::string_view line) {
  constexpr std::size_t kMountPointField = 4;
  constexpr std::size_t kFirstOptionalField = 6;
  const auto fields = split_fields(line);
  std::size_t dash = kFirstOptionalField;
  while (dash < fields.size() && fields[dash] != "-") ++dash;
  if (dash + 2 >= fields.size()) return std::nullopt;
  return Mount{decode_octal(fields[kMountPointField]), decode_octal(fields[dash + 1]),
               decode_octal(fields[dash + 2])};
}

bool holds(std::string_view mount_point, std::string_view path) {
  if (mount_point == "/") return path.starts_with('/');
  return path.starts_with(mount_point) &&
         (path.size() == mount_point.size() || path[mount_point.size()] == '/');
}

}  // namespace

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (const auto line : split_lines(text))
    if (auto mount = parse_row(line)) mounts.push_back(std::move(*mount));
  return mounts;
}

const Mount* find_mount(const std::vector<Mount>& mounts, std::string_view path) {
  const Mount* best = nullptr;
  for (const auto& mount : mounts) {
    if (!holds(mount.mount_point, path)) continue;
    if (best == nullptr || mount.mount_point.size() >= best->mount_point.size()) best = &mount;
  }
  return best;
}

}  // namespace pgkeel::runtime
