// CHECK states what can only be false when pgkeel itself has a bug. It is always on.
// It prints the expression and its place, then aborts, so that the supervisor restarts the process
// and the journal tells the next one where to resume.
// It is never used on the environment: files, servers, clocks and users may do anything.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace pgkeel {

[[noreturn]] inline void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "pgkeel: bug: CHECK(%s) failed at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace pgkeel

#define CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::pgkeel::check_failed(#expression, __FILE__, __LINE__))
