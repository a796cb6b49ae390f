// See fault_point.hpp. The environment is asked each time: a test that forks sets it in its child,
// after points were passed in the parent. Production never sets it.
#include "base/fault_point.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <string>

namespace pgkeel {
namespace {

std::string_view from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// True the first time only, across processes: creating the mark is the atomic claim.
bool claim_mark(std::string_view path) {
  if (path.empty()) return true;
  const int fd = ::open(std::string(path).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  ::close(fd);
  return true;
}

}  // namespace

void fault_point(std::string_view name) {
  if (from_environment("PGKEEL_CRASH_AT") != name) return;
  if (claim_mark(from_environment("PGKEEL_CRASH_MARK"))) ::kill(::getpid(), SIGKILL);
}

}  // namespace pgkeel
