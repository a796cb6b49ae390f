// See systemd_report.hpp.
#include "app/guard/systemd_report.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include "base/log.hpp"
#include "incident/text.hpp"

namespace pgkeel::app {
namespace {

constexpr Millis kTellEvery{1'000};
constexpr int kPingsPerInterval = 3;  // two may be late
constexpr Millis kPingEveryLeast{10};
constexpr std::size_t kLineBytesMax = 200;  // what fits on a line of `systemctl status`

bool tell(const std::string& words) { return ::sd_notify(0, words.c_str()) > 0; }

// Nothing when no watchdog is set for this process.
std::optional<Millis> ping_interval() {
  std::uint64_t limit_us = 0;
  if (::sd_watchdog_enabled(0, &limit_us) <= 0) return std::nullopt;
  const auto limit = std::chrono::duration_cast<Millis>(std::chrono::microseconds(limit_us));
  return std::max(limit / kPingsPerInterval, kPingEveryLeast);
}

}  // namespace

void SystemdReport::tell_ready() { tell("READY=1"); }

void SystemdReport::tell_stopping(const Result<int>& outcome) {
  tell("STOPPING=1");
  tell_line(outcome ? "stopped" : outcome.error().message());
}

runtime::Task<void> SystemdReport::run() {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) co_return;
  const auto ping_every = ping_interval();
  if (ping_every) log_info("watchdog answered", {{"every_ms", ping_every->count()}});
  while (true) {
    tell_state();
    if (ping_every) tell("WATCHDOG=1");
    const auto pause = std::min(kTellEvery, ping_every.value_or(kTellEvery));
    static_cast<void>(co_await loop_.sleep_in_step(pause));
  }
}

void SystemdReport::tell_state() {
  auto line = face_.sentence();
  if (line == told_) return;
  told_ = line;
  tell_line(line);
}

// A line that is not UTF-8 would be dropped.
void SystemdReport::tell_line(const std::string& line) {
  tell("STATUS=" + incident::cut_at_character(incident::one_line(line), kLineBytesMax));
}

}  // namespace pgkeel::app
