// Which C library a server runs on. It decides how text is sorted, and so what the indexes on text
// mean: an image with another one makes them wrong without a word.
// Read from the very file the process has mapped, in whatever container it is and whatever replaced
// that file since.
#pragma once

#include <sys/types.h>
#include <string>
#include <string_view>

namespace pgkeel::instance {

/// "glibc 2.36", "musl"; empty when it cannot be told.
[[nodiscard]] std::string libc_of(pid_t pid);

/// The mapping of the C library in /proc/PID/maps: its address range and its path; both empty when
/// there is none.
struct LibcMapping {
  std::string range;
  std::string path;
};
[[nodiscard]] LibcMapping find_libc_mapping(std::string_view maps);
/// The version a C library's file says it has; empty for what is none.
[[nodiscard]] std::string libc_version_in(std::string_view file);

}  // namespace pgkeel::instance
