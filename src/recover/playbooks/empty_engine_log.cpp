// The log an engine keeps of the server's container lies on the full disk and is larger than the
// operator allows (recover.engine_log): its end is kept in the state directory, then it is emptied.
// It refuses to touch any other container's log, and the server's own; without a policy a person is
// told how large it is and how to keep it small.
#include <algorithm>

#include <fmt/format.h>

#include "recover/engine_log.hpp"
#include "recover/playbooks/room_steps.hpp"
#include "recover/room.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

// Less is not what fills a disk.
constexpr std::uint64_t kNotable = 64U << 20U;

bool on_full_disk(const fs::path& data_dir, const EngineLog& log) {
  const auto lies = runtime::inode_of(log.file);
  if (!lies) return false;
  const auto places = full_places(data_dir);
  return std::ranges::any_of(places, [&](const ServerPlace& place) {
    const auto there = runtime::inode_of(place.path);
    return there && there->device == lies->device;
  });
}

std::string not_beyond(const StepContext& context) {
  const auto allowed = context.services.engine_log_most;
  if (allowed == 0) return "recover.engine_log is not set";
  const auto log = engine_log_of(context);
  const auto bytes = engine_log_bytes(log);
  if (bytes <= allowed) return fmt::format("it has {}", format_size(bytes));
  return on_full_disk(context.services.instance.data_dir(), log)
             ? ""
             : log.file.string() + " is not on a full disk";
}

constexpr Precondition kLogBeyondPolicy{
    "the engine's log of the server's container is on the full disk and larger than "
    "recover.engine_log allows",
    not_beyond};

std::string describe(const StepContext& context) {
  const auto log = engine_log_of(context);
  return log.file.empty()
             ? "empty the log the engine keeps of the server's container; there is none"
             : fmt::format("keep the end of {} and empty it", log.file.string());
}

Task<StepResult> empty(StepContext* context) {
  const auto log = engine_log_of(*context);
  const auto kept = context->services.state_dir / "engine-log-end";
  const auto freed = co_await context->services.loop.run_blocking(
      [log, kept] { return empty_engine_log(log, kept); });
  if (freed)
    co_return StepResult::done(fmt::format("{} freed at {}; its end is in {}", format_size(*freed),
                                           log.file.string(), kept.string()));
  // Another step may free what this one needs to keep the end.
  co_return StepResult::skipped(freed.error().message());
}

}  // namespace

EngineLog engine_log_of(const StepContext& context) {
  const auto& hosting = context.services.senses.observation().hosting.facts;
  if (!hosting) return {};
  return {hosting->container.log_path, hosting->container.id};
}

std::string engine_log_words(const EngineLog& log, const fs::path& data_dir) {
  const auto bytes = engine_log_bytes(log);
  if (bytes < kNotable || !on_full_disk(data_dir, log)) return {};
  return fmt::format(
      "the engine's log of the container takes {}: 'truncate -s 0 {}', then log-opts max-size",
      format_size(bytes), log.file.string());
}

constinit const Step kEmptyEngineLog{"empty_engine_log",
                                     describe,
                                     empty,
                                     Effect::Final,
                                     "its end is kept in the state directory; the rest is gone",
                                     {&kADiskIsFull, &kLogBeyondPolicy},
                                     Unmet::PassesOver};

}  // namespace pgkeel::recover
