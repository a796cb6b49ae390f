// pgkeel backup copy: what the off-site store lacks.
#include <fmt/format.h>

#include "app/archive/progress.hpp"
#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/offsite/copy.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  const auto lock = lock_job(config, "copy");
  if (!lock) return fail(lock.error());
  TRY(from, open_archive(config));
  TRY(to, open_archive(config, Which::Offsite));
  const StopOnSignal stop;
  ProgressLine line;
  const auto began = SteadyClock::now();
  archive::CopyRequest request{from.store.get(), to.store.get(), {}, stop.token()};
  request.tell = [&](const archive::CopyProgress& progress) {
    const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    line.show("copying " + amount_text(progress.bytes, progress.bytes_total, took));
  };
  TRY(done, archive::copy_store(request));
  if (invocation.global.json)
    fmt::print("{}", to_line({{"objects", done.objects}, {"bytes", done.bytes}}));
  else
    fmt::print("{} has everything: {} objects, {} copied now.\n", to.store->describe(),
               done.objects, format_size(done.bytes));
  return 0;
}

}  // namespace

CommandSpec backup_copy_command() {
  return {.name = "backup copy",
          .summary = "bring the off-site copy up to date",
          .details =
              "Copies what the store of archive.offsite lacks, byte for byte. The guard does it "
              "every five minutes.",
          .example = "pgkeel backup copy",
          .run = run};
}

}  // namespace pgkeel::app
