// See unit_look.hpp; OOMPolicy= is described in systemd.service(5).
#include "app/guard/unit_look.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "instance/systemd_scope.hpp"
#include "runtime/files.hpp"
#include "runtime/process.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kCgroupBytesMax = 64U << 10U;
constexpr Millis kSystemctlTimeout{5'000};

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::optional<std::string> service_in(std::string_view cgroups) {
  constexpr std::string_view kService = ".service";
  while (!cgroups.empty()) {
    const auto line = first_line(cgroups);
    cgroups.remove_prefix(std::min(line.size() + 1, cgroups.size()));
    // "0::" of version 2 or "1:name=systemd:" of version 1; the others need not follow the units.
    if (!line.starts_with("0::") && line.find(":name=systemd:") == std::string_view::npos) continue;
    const auto end = line.rfind(kService);
    if (end == std::string_view::npos) continue;
    const auto name = line.substr(0, end + kService.size());
    return std::string(name.substr(name.rfind('/') + 1));
  }
  return std::nullopt;
}

std::vector<diagnose::Warning> oom_policy_warnings(const std::string& service,
                                                   std::string_view policy) {
  if (policy != "stop" && policy != "kill") return {};
  return {{"unit_stops_on_oom",
           fmt::format("When the kernel kills one backend for memory, systemd stops the whole "
                       "server (OOMPolicy={} of {}), as an operator would.",
                       policy, service),
           fmt::format("systemctl edit {}: [Service] OOMPolicy=continue", service)}};
}

runtime::Task<std::vector<diagnose::Warning>> look_at_unit(runtime::Loop* loop, pid_t pid) {
  std::vector<diagnose::Warning> none;
  if (pid <= 0 || !instance::systemd_runs()) co_return none;
  const auto cgroups = runtime::read_file(fmt::format("/proc/{}/cgroup", pid), kCgroupBytesMax);
  const auto service = service_in(cgroups.value_or(""));
  if (!service) co_return none;
  runtime::ProcessSpec spec;
  spec.argv = {"systemctl", "show", "--property", "OOMPolicy", "--value", *service};
  const auto said =
      co_await runtime::run_process(*loop, std::move(spec), loop->after(kSystemctlTimeout));
  if (!said || !said->exit.ok()) co_return none;
  co_return oom_policy_warnings(*service, first_line(said->out));
}

}  // namespace pgkeel::app
