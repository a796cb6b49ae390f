// A server whose main process is stopped (SIGSTOP, a forgotten debugger) is told to continue. Safe
// by itself: SIGCONT to a process that runs does nothing.
#include "recover/playbook.hpp"

#include <fmt/format.h>

namespace pgkeel::recover {
namespace {

std::string describe_resume(const StepContext& context) {
  const auto postmaster = context.services.instance.find_postmaster();
  return fmt::format("send SIGCONT to process {} and its children",
                     postmaster ? postmaster->pid : 0);
}

runtime::Task<StepResult> resume(StepContext* context) {
  const auto resumed = context->services.instance.resume_stopped();
  if (!resumed) co_return StepResult::failed(resumed.error());
  co_return StepResult::done();
}

constexpr Step kSteps[] = {{"resume_stopped",
                            describe_resume,
                            resume,
                            Effect::Reversible,
                            "send SIGSTOP to the same processes",
                            {&kNobodyIsServed}}};

}  // namespace

const Playbook kResumeServer{"resume_server", "Let a stopped server process continue.", kSteps,
                             "a login and a write succeed"};

}  // namespace pgkeel::recover
