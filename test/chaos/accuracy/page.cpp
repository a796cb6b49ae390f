// docs/reference/faults.md of a run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <thread>

#include "chaos/accuracy/run.hpp"

namespace pgkeel::chaos {
namespace {

constexpr std::string_view kPreface = R"(# Faults

Made from a run: `PGKEEL_UPDATE_DOCS=1 ./dev chaos --all --advise` (test/chaos/accuracy). Every fault is
injected into a fresh PostgreSQL under a guard with `mode = "advise"`, which names and shows and does
nothing; a small writer is at work. The guard looks as often as it can be told to (`login_every` 150 ms,
`watch_every` 100 ms, `idle_in_transaction` 1 s), so that the times are those of the diagnosis; with the
defaults what must be asked of the server (connections, transactions, slots, the archiver) is looked at
every 15 s.

`named after` counts from the moment the evidence exists, which the table gives, to the moment the guard's
API shows an unfinished incident of that cause, and of the very table, schema or database. `right` is strict:
the guard named it, and of all that is named 0.7 s after it (the unfinished incidents, the most telling cause
first, then what only `pgkeel doctor` finds, each cause once) the fault stands first. What else is named stands
beside it, and what had been named before it: a server that dies of its full disk is seen dead before its disk
is looked at. A trial that fails to run counts as a miss, unless the machine cannot do it. The target is a
second.

`changed` tells whether advice changes anything: once more, with a guard that is stopped (SIGSTOP) while the
fault is injected, the world is looked at before it goes on and after it has named the fault and shown what it
would do: of a server that is down every byte of every file, of one that runs the configuration, the names of
files, all definitions, settings, slots and sessions. The guard's own state directory is left out.

)";

constexpr std::string_view kPairs = R"(
## Pairs

Two faults at once on one server, drawn with seed {0}. Right when the guard named both and the first two
causes, in the order above, are the two faults. Drawn are pairs that can be there together and neither of which
physically hides the other: at most one of them ends the server (but a lock file and a configuration are
both seen on a dead one), and a storm of connections ends with the server. Not drawn, and not claimed:
`wraparound_near` with `heap_corrupted`, `index_corrupted` or `oom_killed`: the vacuum it begins meets the
damage before it is injected as a fault, or is what the kernel ends. What serves on is
injected first; where the second ends the server, the guard or the connections, it comes when the first was
named, or its promised second is over. Two that serve on come one at once after the other.

)";

std::string after_words(const Told& told) {
  return told.after ? fmt::format("{} ms", told.after->count()) : std::string("never");
}

std::string others(const Trial& trial) {
  std::string text;
  const auto add = [&text](const std::string& cause) {
    text += fmt::format("{}`{}`", text.empty() ? "" : ", ", cause);
  };
  for (const auto& cause : trial.named)
    if (cause != trial.faults.front().injector->fault) add(cause);
  for (const auto& cause : trial.before)
    text += fmt::format("{}`{}` before it", text.empty() ? "" : "; ", cause);
  return text;
}

std::string verdict(const Trial& trial) {
  if (!trial.right()) return "**no**";
  return *trial.faults.front().after > kNamedWithin ? "**late**" : "yes";
}

std::string changed_words(const Trial& trial) {
  if (!trial.changed) return "";
  return trial.changed->empty() ? "nothing" : fmt::format("**{}**", trial.changed->front());
}

std::string single_row(const Trial& trial) {
  const auto& told = trial.faults.front();
  const auto& injector = *told.injector;
  if (!trial.ran())
    return fmt::format("| `{}` | {} | | not run: {} | | | |\n", injector.fault, injector.injected,
                       trial.not_run.substr(0, trial.not_run.find('\n')));
  return fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", injector.fault, injector.injected,
                     injector.evidence, after_words(told), verdict(trial), changed_words(trial),
                     others(trial));
}

std::string pair_row(const Trial& trial) {
  const auto& first = trial.faults.front();
  const auto& second = trial.faults.back();
  const auto said = trial.ran() ? fmt::format("`{}`", fmt::join(trial.named, "`, `"))
                                : "not run: " + trial.not_run.substr(0, trial.not_run.find('\n'));
  return fmt::format("| `{}` | `{}` | {} | {} |\n", first.injector->fault, second.injector->fault,
                     said, trial.right() ? "yes" : "**no**");
}

}  // namespace

std::string to_page(const RunResult& result) {
  auto page = std::string(kPreface);
  page += fmt::format(
      "{} of {} faults were named right and first, {} of them late, {} after something else had "
      "been named for a moment; on {} cores.\n\n",
      RunResult::right(result.singles), RunResult::counted(result.singles), result.late(),
      result.preceded(), std::thread::hardware_concurrency());
  page +=
      "| fault | injected | evidence exists with | named after | right | changed | also named |\n";
  page += "|---|---|---|---|---|---|---|\n";
  for (const auto& trial : result.singles) page += single_row(trial);
  page += fmt::format(fmt::runtime(kPairs), result.seed);
  page += fmt::format("{} of {} pairs were named right.\n\n", RunResult::right(result.pairs),
                      result.pairs.size());
  page += "| first | second | named | right |\n|---|---|---|---|\n";
  for (const auto& trial : result.pairs) page += pair_row(trial);
  return page;
}

}  // namespace pgkeel::chaos
