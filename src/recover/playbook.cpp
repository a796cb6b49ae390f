// The table of playbooks.
#include "recover/playbook.hpp"

#include <array>

#include "base/check.hpp"

namespace pgkeel::recover {
namespace {

constexpr auto kPlaybooks = std::to_array<const Playbook*>(
    {&kRestartServer,      &kResumeServer,       &kReplaceHungServer,    &kRestoreConfiguration,
     &kRestoreControlFile, &kPutControlFileBack, &kMendPermissions,      &kMakeRoom,
     &kReattachData,       &kRestoreData,        &kReplaceFreshCluster,  &kEndSecondServer,
     &kRelieveMemory,      &kCreateDatabase,     &kRecreateDatabase,     &kRecreateTable,
     &kRestoreDatabase,    &kRestoreTable,       &kEndIdleSessions,      &kEndIdleTransaction,
     &kRebuildIndex,       &kRestoreBeside,      &kLowerParallelWorkers, &kDropOwnSlot});

}  // namespace

std::string_view to_string(Effect effect) {
  switch (effect) {
    case Effect::None: return "looks only";
    case Effect::Reversible: return "reversible";
    case Effect::Final: return "final";
  }
  return "unknown";
}

StepResult StepResult::done(std::string note) {
  return {incident::ActionOutcome::Done, std::move(note), false, {}};
}
StepResult StepResult::skipped(std::string note) {
  return {incident::ActionOutcome::Skipped, std::move(note), false, {}};
}
StepResult StepResult::failed(const Error& error) {
  return {incident::ActionOutcome::Failed, error.message(), false, {}};
}
StepResult StepResult::for_human(std::string why) {
  return {incident::ActionOutcome::Failed, std::move(why), true, {}};
}

std::span<const Playbook* const> all_playbooks() { return kPlaybooks; }

const Playbook& playbook_by_name(std::string_view name) {
  for (const auto* playbook : kPlaybooks)
    if (playbook->name == name) return *playbook;
  CHECK(false);
  __builtin_unreachable();
}

}  // namespace pgkeel::recover
