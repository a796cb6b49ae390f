// See wait.hpp.
#include "support/wait.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <random>
#include <stdexcept>
#include <thread>

namespace pgkeel::test {
namespace {

// From quick to patient: some conditions cost a scan of /proc.
constexpr Millis kPollFirst{1};
constexpr Millis kPollMax{20};
constexpr int kPortAttemptsMax = 200;
// Linux hands out 32768 and up to outgoing connections; below 10240 live well-known services.
constexpr std::uint16_t kPortFirst = 10240;
constexpr std::uint16_t kPortLast = 32767;

bool can_bind(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

}  // namespace

bool wait_until(const std::function<bool()>& condition, Millis limit) {
  const SteadyTime deadline = SteadyClock::now() + limit;
  Millis pause = kPollFirst;
  while (!condition()) {
    if (SteadyClock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kPollMax);
  }
  return true;
}

std::uint16_t free_port() {
  std::random_device source;
  std::uniform_int_distribution<unsigned> any(kPortFirst, kPortLast);
  for (int attempt = 0; attempt < kPortAttemptsMax; ++attempt) {
    const auto port = static_cast<std::uint16_t>(any(source));
    if (can_bind(port)) return port;
  }
  throw std::runtime_error("no free TCP port found");
}

}  // namespace pgkeel::test
