// See systemd_unit.hpp.
#include "instance/systemd_unit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "runtime/process.hpp"

namespace pgkeel::instance {
namespace {

constexpr Millis kSystemctlTimeout{5'000};
constexpr Millis kAskEvery{50};
constexpr Seconds kSettles{
    30};                        // the stop command of a server that is dead has nothing to wait for
constexpr Seconds kNotices{2};  // where the unit is no server's own, nothing will ever be noticed

runtime::Task<Result<std::string>> systemctl(runtime::Loop* loop, std::vector<std::string> words) {
  runtime::ProcessSpec spec;
  spec.argv = {"systemctl"};
  spec.argv.insert(spec.argv.end(), words.begin(), words.end());
  auto said = co_await runtime::run_process(*loop, std::move(spec), loop->after(kSystemctlTimeout));
  if (!said) co_return fail(said.error());
  if (!said->exit.ok())
    co_return fail(ErrorCode::ChildFailed,
                   fmt::format("systemctl {}: {}", fmt::join(words, " "), said->err));
  co_return std::move(said->out);
}

enum class Unit { Settled, ThoughtAlive, Deactivating };

pid_t main_pid_in(std::string_view said) {
  constexpr std::string_view kMainPid = "MainPID=";
  const auto at = said.find(kMainPid);
  if (at == std::string_view::npos) return 0;
  const auto digits = said.substr(at + kMainPid.size());
  pid_t pid = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  return pid;
}

// A pid that lives may have been given to another process since.
bool is_dead(pid_t pid, std::optional<pid_t> dead) {
  if (pid <= 0 || pid == dead) return true;
  const auto process = runtime::ProcessHandle::open(pid);
  return !process || !process->alive();
}

runtime::Task<Unit> look_at_unit(runtime::Loop* loop, std::string unit, std::optional<pid_t> dead) {
  runtime::ProcessSpec spec;
  spec.argv = {"systemctl", "show", "--property", "ActiveState,MainPID", std::move(unit)};
  const auto said =
      co_await runtime::run_process(*loop, std::move(spec), loop->after(kSystemctlTimeout));
  if (!said || !said->exit.ok()) co_return Unit::Settled;
  if (said->out.contains("ActiveState=deactivating")) co_return Unit::Deactivating;
  const bool active = said->out.contains("ActiveState=active");
  co_return active&& is_dead(main_pid_in(said->out), dead) ? Unit::ThoughtAlive : Unit::Settled;
}

}  // namespace

runtime::Task<Result<Restarter>> unit_restarter(runtime::Loop* loop, std::string unit) {
  const auto said = co_await systemctl(loop, {"show", "--property", "LoadState", unit});
  if (!said) co_return fail(said.error());
  if (said->contains("LoadState=not-found")) co_return Restarter{};
  const bool masked = said->contains("LoadState=masked");
  co_return Restarter{Restarter::Kind::Unit, std::move(unit),
                      std::string(masked ? kUnitMasked : kUnitStartable)};
}

runtime::Task<Result<void>> set_unit_restarter(runtime::Loop* loop, Restarter wanted) {
  const std::string verb = wanted.setting == kUnitMasked ? "mask" : "unmask";
  const auto done = co_await systemctl(loop, {verb, "--runtime", wanted.name});
  if (!done) co_return fail(done.error());
  const auto now = co_await unit_restarter(loop, wanted.name);
  if (!now) co_return fail(now.error());
  if (*now == wanted) co_return Result<void>();
  co_return fail(ErrorCode::Refused, fmt::format("systemctl {} --runtime said it was done, but {}",
                                                 verb, describe(*now)));
}

runtime::Task<void> await_unit_settled(runtime::Loop* loop, std::string unit,
                                       std::optional<pid_t> dead) {
  const auto notices = loop->after(kNotices);
  const auto settles = loop->after(kSettles);
  while (true) {
    const auto state = co_await look_at_unit(loop, unit, dead);
    if (state == Unit::Settled) co_return;
    if (loop->now() >= (state == Unit::ThoughtAlive ? notices : settles)) break;
    static_cast<void>(co_await loop->sleep_for(kAskEvery));
  }
  log_warning("systemd is still at the unit of the dead server", {{"unit", unit}});
}

}  // namespace pgkeel::instance
