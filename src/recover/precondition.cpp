// See precondition.hpp.
#include "recover/precondition.hpp"

#include <fmt/format.h>

#include "recover/playbook.hpp"

namespace pgkeel::recover {
namespace {

std::string unknown_identity(const StepContext& context) {
  const auto identity = context.services.ledger.identity();
  if (!identity) return identity.error().message();
  return identity->has_value() ? "" : "no identity is known";
}

std::string stranger_there(const StepContext& context) {
  const auto identity = context.services.ledger.identity();
  if (!identity) return identity.error().message();
  const auto facts = context.services.instance.inspect_data_dir();
  if (!facts.fenced.empty()) return "it is " + facts.fenced;
  if (!identity->has_value() || !facts.control) return {};
  if (facts.control->system_id == (*identity)->system_id) return {};
  return fmt::format("the cluster {} stands there, {} is known",
                     to_string(facts.control->system_id), to_string((*identity)->system_id));
}

std::string server_runs(const StepContext& context) {
  const auto& instance = context.services.instance;
  if (const auto running = instance.find_postmaster())
    return fmt::format("a server runs there, pid {}", running->pid);
  const auto left = instance.inspect_lock().orphans.size();
  return left == 0 ? "" : fmt::format("{} processes of an earlier server are left", left);
}

std::string somebody_is_served(const StepContext& context) {
  return context.services.senses.observation().login.ok() ? "logins succeed" : "";
}

std::string shows_life(const StepContext& context) {
  constexpr Seconds kQuiet{1};
  const auto& process = context.services.senses.observation().process;
  if (process.state != sense::ProcessState::Running) return {};
  const auto quiet = context.services.loop.now() - process.progress_at;
  if (quiet >= kQuiet) return {};
  return "its processes used CPU or I/O in the last " + humane_duration(kQuiet);
}

std::string leftovers_belong(const StepContext& context) {
  const auto& instance = context.services.instance;
  if (instance.inspect_lock().orphans.empty()) return {};
  const auto postmaster = instance.find_postmaster();
  return postmaster ? fmt::format("a postmaster runs, pid {}", postmaster->pid) : "";
}

std::string no_answer(const StepContext& context) {
  const auto& login = context.services.senses.observation().login;
  return login.ok() ? "" : fmt::format("logins fail: {}", sense::to_string(login.result));
}

std::string takes_none(const StepContext& context) {
  return context.services.senses.observation().login.in_recovery ? "the server is a standby" : "";
}

}  // namespace

constinit const Precondition kIdentityIsKnown{"it is known which cluster belongs here",
                                              unknown_identity};
constinit const Precondition kNoStrangerThere{"no other cluster stands in the place",
                                              stranger_there};
constinit const Precondition kNoServerRuns{"no server runs in the data directory", server_runs};
constinit const Precondition kNobodyIsServed{"logins fail", somebody_is_served};
constinit const Precondition kShowsNoLife{"its processes use neither CPU nor I/O", shows_life};
constinit const Precondition kLeftoversAreOrphans{"what is left of the server has no postmaster",
                                                  leftovers_belong};
constinit const Precondition kServerAnswers{"logins succeed", no_answer};
constinit const Precondition kTakesWrites{"the server is no standby", takes_none};

}  // namespace pgkeel::recover
