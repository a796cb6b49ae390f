// See systemd_unit.hpp.
#include "instance/systemd_unit.hpp"

#include "base/log.hpp"
#include "runtime/process.hpp"

namespace pgkeel::instance {
namespace {

constexpr Millis kSystemctlTimeout{5'000};
constexpr Millis kAskEvery{50};
constexpr Seconds kSettles{
    30};  // the stop command of a server that is dead has nothing to wait for

runtime::Task<bool> is_deactivating(runtime::Loop* loop, std::string unit) {
  runtime::ProcessSpec spec;
  spec.argv = {"systemctl", "show", "--property", "ActiveState", "--value", std::move(unit)};
  const auto said =
      co_await runtime::run_process(*loop, std::move(spec), loop->after(kSystemctlTimeout));
  co_return said && said->exit.ok() && said->out.starts_with("deactivating");
}

}  // namespace

runtime::Task<void> await_unit_settled(runtime::Loop* loop, std::string unit) {
  const auto until = loop->after(kSettles);
  while (true) {
    const bool deactivating = co_await is_deactivating(loop, unit);
    if (!deactivating) co_return;
    if (loop->now() >= until) break;
    static_cast<void>(co_await loop->sleep_for(kAskEvery));
  }
  log_warning("systemd is still at the unit of the dead server", {{"unit", unit}});
}

}  // namespace pgkeel::instance
