// The kernel ended the server's first process because memory had run out, of the machine or of its
// container. Known from the kernel's own log, by pid, or from the engine. It is begun again like
// any killed server, within the budget: a limit that is too small kills it again. Excluded by a
// requested stop and by data that is not ours.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

std::string limit_words(const instance::HostingFacts* hosting) {
  if (hosting == nullptr || hosting->container.memory_limit == 0) return "";
  return fmt::format(" Container {} has a limit of {} MB.", hosting->container.name,
                     hosting->container.memory_limit >> 20U);
}

// For when it was started as often as it may be: then it is a loop.
std::string hint(const instance::HostingFacts* hosting) {
  constexpr std::string_view kLower = "lower work_mem, shared_buffers or max_connections";
  constexpr std::string_view kLoop = "it is a loop: started again, it runs out of memory again";
  if (hosting == nullptr || hosting->container.memory_limit == 0)
    return fmt::format("{}; give the machine more memory, or {}", kLoop, kLower);
  const auto limit_mb = hosting->container.memory_limit >> 20U;
  return fmt::format(
      "{}; raise the container's limit of {} MB ('docker update --memory {}m "
      "--memory-swap {}m {}', and in the Compose file), or {}",
      kLoop, limit_mb, 2 * limit_mb, 2 * limit_mb, hosting->container.name, kLower);
}

}  // namespace

std::vector<Finding> oom_killed(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  const auto& kernel = the_case.seen.process.oom_kill;
  const bool engine_says = hosting != nullptr && hosting->container.oom_killed;
  if ((!engine_says && kernel.empty()) || server_killed(the_case).empty()) return {};

  Finding finding;
  finding.cause = Cause::OomKilled;
  finding.confidence = kernel.empty() ? 0.9 : 0.99;
  finding.since = the_case.seen.process.died_at;
  finding.summary = "The kernel killed the server for want of memory." + limit_words(hosting);
  finding.hint = hint(hosting);
  if (!kernel.empty()) finding.evidence.push_back(evidence(the_case, "kernel", kernel));
  if (engine_says)
    finding.evidence.push_back(
        evidence(the_case, "engine",
                 fmt::format("OOMKilled, exit code {}, {} restarts by the engine so far",
                             hosting->container.exit_code, hosting->container.restart_count)));
  if (const auto& group = the_case.seen.host.group; group && group->limit_bytes > 0)
    finding.evidence.push_back(
        evidence(the_case, "host",
                 fmt::format("its control group used {} of {} MB when last looked at",
                             group->used_bytes >> 20U, group->limit_bytes >> 20U)));
  add_engine_words(the_case, finding);
  return {finding};
}

}  // namespace pgkeel::diagnose
