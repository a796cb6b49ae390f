// See aside.hpp.
#include "recover/aside.hpp"

#include <string>

namespace pgkeel::recover {

std::filesystem::path aside_path(const std::filesystem::path& path, WallTime now) {
  std::string stamp;
  for (const char c : to_iso8601(now).substr(0, 19))
    if (c != '-' && c != ':') stamp += c;
  auto aside = path;
  aside += ".pgkeel-aside-" + stamp + "Z";
  return aside;
}

}  // namespace pgkeel::recover
