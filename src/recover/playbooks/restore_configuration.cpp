// Brings back the configuration the server last ran well with. Only the file the server complains
// about is replaced; when it names none, every file that differs from its good copy. The broken
// file is kept beside it under a name that no include_dir reads. If the guard is killed in between,
// the file is missing, which the next guard finds as the same cause.
#include "recover/playbook.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "recover/aside.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using incident::KnownConfigFile;
using runtime::Task;

constexpr std::size_t kConfigBytesMax = 1U << 20U;  // a larger configuration file is no such thing

bool differs(const KnownConfigFile& good) {
  const auto now = runtime::read_file(good.path, kConfigBytesMax);
  return !now || *now != good.content;
}

bool complained_about(const diagnose::Finding& finding, const KnownConfigFile& file) {
  return finding.summary.find(file.path) != std::string::npos;
}

// The files to bring back, at least one when any differs.
Result<std::vector<KnownConfigFile>> files_to_restore(const StepContext& context) {
  TRY(known, context.services.ledger.config_files());
  std::vector<KnownConfigFile> differing;
  std::ranges::copy_if(known, std::back_inserter(differing), differs);
  std::vector<KnownConfigFile> named;
  std::ranges::copy_if(differing, std::back_inserter(named), [&](const KnownConfigFile& file) {
    return complained_about(context.finding, file);
  });
  return named.empty() ? differing : named;
}

std::string describe_files(const StepContext& context, std::string_view verb) {
  const auto files = files_to_restore(context);
  std::string text(verb);
  if (files)
    for (const auto& file : *files) text += " " + file.path;
  return text;
}

std::string describe_set_aside(const StepContext& context) {
  return describe_files(context, "rename aside:");
}
std::string describe_write(const StepContext& context) {
  return describe_files(context, "write the last good copy of:");
}

Task<StepResult> set_aside(StepContext* context) {
  const auto files = files_to_restore(*context);
  if (!files) co_return StepResult::failed(files.error());
  if (files->empty())
    co_return StepResult::for_human("a human: no good copy of the configuration is known");
  std::string moved;
  for (const auto& file : *files) {
    if (!std::filesystem::exists(file.path)) continue;
    const auto aside = aside_path(file.path, wall_now());
    const auto renamed = runtime::rename_durable(file.path, aside);
    if (!renamed) co_return StepResult::failed(renamed.error());
    moved += " " + aside.string();
  }
  co_return moved.empty() ? StepResult::skipped("nothing there to keep")
                          : StepResult::done("kept as" + moved);
}

Result<void> write_good_copy(const KnownConfigFile& file) {
  runtime::FileMode mode{static_cast<mode_t>(file.mode), std::nullopt};
  if (runtime::running_as_root()) {
    TRY(owner, runtime::account_by_uid(file.uid));
    owner.gid = file.gid;
    mode.owner = owner;
  }
  return runtime::write_file_atomic(file.path, file.content, mode);
}

Task<StepResult> write_files(StepContext* context) {
  const auto known = context->services.ledger.config_files();
  if (!known) co_return StepResult::failed(known.error());
  std::string written;
  for (const auto& file : *known) {
    if (std::filesystem::exists(file.path)) continue;  // only what was set aside, or had vanished
    const auto result = write_good_copy(file);
    if (!result) co_return StepResult::failed(result.error());
    written += " " + file.path;
  }
  co_return StepResult::done("restored" + written);
}

constexpr Step kSteps[] = {{"set_aside_configuration",
                            describe_set_aside,
                            set_aside,
                            Effect::Reversible,
                            "rename the file that is kept beside it back",
                            {&kIdentityIsKnown, &kNoStrangerThere}},
                           {"restore_configuration",
                            describe_write,
                            write_files,
                            Effect::Reversible,
                            "rename the file that is kept beside it over what was written",
                            {&kIdentityIsKnown, &kNoStrangerThere}}};

}  // namespace

const Playbook kRestoreConfiguration{
    "restore_configuration", "Bring back the configuration the server last ran with.", kSteps,
    "the server accepts the configuration: it starts, or reloads it without an error"};

}  // namespace pgkeel::recover
