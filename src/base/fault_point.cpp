// See fault_point.hpp. The environment is read once; production never sets it.
#include "base/fault_point.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <string>

namespace pgkeel {
namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// True the first time only, across processes: creating the mark is the atomic claim.
bool claim_mark(const std::string& path) {
  if (path.empty()) return true;
  const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  ::close(fd);
  return true;
}

}  // namespace

void fault_point(std::string_view name) {
  static const std::string crash_at = from_environment("PGKEEL_CRASH_AT");
  if (crash_at.empty() || crash_at != name) return;
  static const std::string mark = from_environment("PGKEEL_CRASH_MARK");
  if (claim_mark(mark)) ::kill(::getpid(), SIGKILL);
}

}  // namespace pgkeel
