// Segments that the replay from the kept control file would need, lost from the middle of pg_wal,
// are fetched by `pgkeel wal-fetch`: into a file of another name first, which must bear the
// cluster's identifier and its own position, then renamed to where nothing is.
// It refuses to make up the end: how far the server had come only pg_wal itself can tell, and a
// replay that ends too early would lose what was acknowledged without a word. It replaces and
// removes no file of the server's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recover/control_copy.hpp"
#include "recover/playbooks/fetch_wal.hpp"
#include "runtime/files.hpp"
#include "runtime/process.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr Seconds kPatience{60};  // one segment, from a slow store
constexpr Seconds kPatienceForAll{900};
constexpr std::size_t kSegmentsSpared = 4;
constexpr int kNoSuchWal = 1;
constexpr std::string_view kPrefix = "pgkeel-fetch-";

struct Gap {
  std::vector<std::string> names;
  pg::ControlFile copy;
};

Result<Gap> gap_of(const StepContext& context) {
  TRY(identity, context.services.ledger.identity());
  if (!identity) return fail(ErrorCode::NotFound, "no identity is known");
  TRY(copy, read_control_copy(context.services.state_dir, *identity));
  TRY(names, missing_segments(context.services.instance.data_dir(), copy.control));
  return Gap{std::move(names), copy.control};
}

std::string nothing_to_fetch(const StepContext& context) {
  if (context.services.pgkeel.empty()) return "there is no archive";
  const auto gap = gap_of(context);
  if (!gap) return gap.error().message();
  return gap->names.empty() ? "no segment is missing before one that is there" : "";
}

constexpr Precondition kWalIsMissing{
    "WAL is missing in the middle of pg_wal, and there is an archive", nothing_to_fetch};

std::string describe_fetch(const StepContext& context) {
  const auto gap = gap_of(context);
  const auto wal = (context.services.instance.data_dir() / "pg_wal").string();
  if (!gap || gap->names.empty())
    return "fetch what is missing in the middle of " + wal + " from the archive; nothing is";
  return fmt::format("fetch {} from the archive into {}, where no such file is",
                     fmt::join(gap->names, ", "), wal);
}

Task<Result<void>> fetch_to(StepContext* context, std::string name, fs::path file) {
  runtime::ProcessSpec spec;
  spec.argv = context->services.pgkeel;
  const std::vector<std::string> words{"wal-fetch", name, file.string()};
  spec.argv.insert(spec.argv.end(), words.begin(), words.end());
  auto& loop = context->services.loop;
  const auto ended = co_await runtime::run_process(loop, std::move(spec), loop.after(kPatience));
  if (!ended) co_return fail(ended.error());
  if (ended->exit.ok()) co_return Result<void>();
  if (ended->exit.code == kNoSuchWal)
    co_return fail(ErrorCode::NotFound, fmt::format("the archive does not have {} either", name));
  co_return fail(ErrorCode::ChildFailed,
                 fmt::format("pgkeel wal-fetch {}: {}", name,
                             ended->err.empty() ? ended->exit.describe() : ended->err));
}

// With the server's owner and mode, into the free place.
Result<void> bring_in(const StepContext& context, const fs::path& fetched, const std::string& name,
                      const pg::ControlFile& copy) {
  if (!is_segment(fetched, name, copy))
    return fail(ErrorCode::Malformed, "what was fetched is not " + name);
  TRY(bytes, runtime::read_file(fetched, copy.wal_segment_bytes));
  if (bytes.size() != copy.wal_segment_bytes)
    return fail(ErrorCode::Malformed, "what was fetched is no whole segment");
  const auto wal = context.services.instance.data_dir() / "pg_wal";
  const auto beside = wal / fmt::format("{}{}", kPrefix, name);
  runtime::FileMode mode;
  if (runtime::running_as_root()) mode.owner = context.services.instance.inspect_data_dir().owner;
  TRY_VOID(runtime::write_file_atomic(beside, bytes, mode));
  auto renamed = runtime::rename_durable(beside, wal / name);
  std::error_code error;
  if (!renamed) fs::remove(beside, error);
  return renamed;
}

// Through a file of our own directory: nobody else can lead it elsewhere.
Task<Result<void>> fetch_one(StepContext* context, std::string name, pg::ControlFile copy) {
  const auto jobs = context->services.state_dir / "jobs";
  CO_TRY_VOID(runtime::ensure_directory(jobs, {.mode = 0700, .owner = {}}));
  const auto file = jobs / fmt::format("{}{}", kPrefix, name);
  std::error_code error;
  fs::remove(file, error);  // of a guard that was killed
  const auto fetched = co_await fetch_to(context, name, file);
  auto brought = fetched ? bring_in(*context, file, name, copy) : fetched;
  fs::remove(file, error);
  co_return brought;
}

// All of it, and what the server itself needs to come up.
std::string no_room_for(const StepContext& context, const Gap& gap) {
  const auto wal = context.services.instance.data_dir() / "pg_wal";
  const auto room = runtime::disk_space(wal);
  if (!room) return room.error().message();
  const auto needed = (gap.names.size() + kSegmentsSpared) * gap.copy.wal_segment_bytes;
  if (room->bytes_free >= needed) return {};
  return fmt::format("{} of WAL are missing and {} has {} free", format_size(needed), wal.string(),
                     format_size(room->bytes_free));
}

Task<StepResult> fetch(StepContext* context) {
  const auto gap = gap_of(*context);
  if (!gap) co_return StepResult::skipped(gap.error().message());
  if (auto why = no_room_for(*context, *gap); !why.empty())
    co_return StepResult::skipped(std::move(why));
  const auto until = context->services.loop.after(kPatienceForAll);
  for (const auto& name : gap->names) {
    if (context->services.loop.now() >= until)
      co_return StepResult::skipped("it takes too long: 'pgkeel restore --in-place' is quicker");
    const auto fetched = co_await fetch_one(context, name, gap->copy);
    if (!fetched) co_return StepResult::skipped(fetched.error().message());
  }
  co_return StepResult::done(fmt::format("{}", fmt::join(gap->names, ", ")));
}

}  // namespace

constinit const Step kFetchMissingWal{
    "fetch_missing_wal",
    describe_fetch,
    fetch,
    Effect::Reversible,
    "remove the segments it names from pg_wal again, before the server is started",
    {&kControlFileIsLost, &kNoServerRuns, &kWalIsMissing},
    Unmet::PassesOver};

}  // namespace pgkeel::recover
