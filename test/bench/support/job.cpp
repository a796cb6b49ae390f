// See job.hpp.
#include "bench/support/job.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/time.hpp"
#include "support/child.hpp"

namespace pgkeel::bench {
namespace {

constexpr std::size_t kTailBytes = 2000;

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::string text_of(const std::filesystem::path& file) {
  std::string text(std::filesystem::file_size(file), '\0');
  std::ifstream(file).read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

JobCost run_job(const std::vector<std::string>& argv, const std::filesystem::path& output) {
  std::filesystem::remove(output);
  const auto began = SteadyClock::now();
  const pid_t pid = test::start_child(argv, output);
  int status = 0;
  rusage usage{};
  while (::wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  const std::chrono::duration<double> took = SteadyClock::now() - began;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const auto text = text_of(output);
    throw std::runtime_error(argv.front() + " failed:\n" +
                             text.substr(text.size() - std::min(text.size(), kTailBytes)));
  }
  return {took.count(), seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
          static_cast<double>(usage.ru_maxrss) / 1024};
}

}  // namespace pgkeel::bench
