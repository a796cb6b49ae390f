// See aside.hpp.
#include "recover/aside.hpp"

#include <string>

namespace pgkeel::recover {

namespace {

std::string name_at(WallTime now) {
  std::string stamp;
  for (const char c : to_iso8601(now).substr(0, 19))
    if (c != '-' && c != ':') stamp += c;
  return "pgkeel-aside-" + stamp + "Z";
}

}  // namespace

std::filesystem::path aside_path(const std::filesystem::path& path, WallTime now) {
  auto aside = path;
  aside += "." + name_at(now);
  return aside;
}

std::filesystem::path aside_path_within(const std::filesystem::path& path, WallTime now) {
  return path / name_at(now);
}

}  // namespace pgkeel::recover
