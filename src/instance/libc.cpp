// See libc.hpp.
#include "instance/libc.hpp"

#include <fmt/format.h>

#include "runtime/files.hpp"

namespace pgkeel::instance {
namespace {

constexpr std::size_t kMapsBytesMax = 4U << 20U;
constexpr std::size_t kLibcBytesMax = 16U << 20U;  // Debian's has 2 MB

bool names_libc(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return name.starts_with("libc.so.6") || name.starts_with("libc-2.") ||
         name.starts_with("ld-musl-") || name.starts_with("libc.musl-");
}

}  // namespace

LibcMapping find_libc_mapping(std::string_view maps) {
  while (!maps.empty()) {
    const auto end = std::min(maps.find('\n'), maps.size());
    const auto line = maps.substr(0, end);
    maps.remove_prefix(std::min(end + 1, maps.size()));
    const auto slash = line.find('/');
    if (slash == std::string_view::npos || !names_libc(line.substr(slash))) continue;
    return {std::string(line.substr(0, line.find(' '))), std::string(line.substr(slash))};
  }
  return {};
}

// "GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36."
std::string libc_version_in(std::string_view file) {
  constexpr std::string_view kVersion = " release version ";
  const auto banner = file.find("GNU C Library");
  if (banner == std::string_view::npos) return "";
  auto words = file.substr(banner, 200);
  const auto at = words.find(kVersion);
  if (at == std::string_view::npos) return "";
  words.remove_prefix(at + kVersion.size());
  const auto version = words.substr(0, words.find_first_not_of("0123456789."));
  return fmt::format("glibc {}", version.substr(0, version.find_last_not_of('.') + 1));
}

std::string libc_of(pid_t pid) {
  const auto maps = runtime::read_file(fmt::format("/proc/{}/maps", pid), kMapsBytesMax);
  const auto mapping = find_libc_mapping(maps.value_or(""));
  if (mapping.path.empty()) return "";
  if (mapping.path.contains("musl")) return "musl";
  const auto mapped = fmt::format("/proc/{}/map_files/{}", pid, mapping.range);
  if (const auto file = runtime::read_file(mapped, kLibcBytesMax)) return libc_version_in(*file);
  const auto inside = fmt::format("/proc/{}/root{}", pid, mapping.path);
  return libc_version_in(runtime::read_file(inside, kLibcBytesMax).value_or(""));
}

}  // namespace pgkeel::instance
