// The second half of docs/reference/faults.md, of a run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "chaos/accuracy/repair_run.hpp"

namespace pgkeel::chaos {
namespace {

constexpr std::string_view kPreface = R"(# What becomes of each fault

Made from a run: `PGKEEL_UPDATE_DOCS=1 ./dev chaos --all`. The same faults, each in a fresh PostgreSQL under a
guard that acts, with an archive every commit waits for (`archive.durability = "sync"`); sessions count as left
behind after a second (`recover.idle_sessions`, `recover.idle_in_transaction`). `seconds` counts from the moment
the evidence exists to the moment the guard has repaired it, or says that it waits for somebody. Then a person does
what the incident tells, where it was left to one. In the end a login and a write must succeed, no incident may be
unfinished, every row that was acknowledged must be there once (`lost`), and every other table, index, constraint,
owner, sequence and role of all databases must be what it was before (`damage`; rows by checksum).

)";

std::string seconds(const Mended& mended) {
  return mended.settled ? fmt::format("{:.1f}", static_cast<double>(mended.settled->count()) / 1000)
                        : std::string("never");
}

std::string ended(const Mended& mended) {
  if (mended.became == Became::Nothing) return "**not named**";
  if (mended.became == Became::Repaired)
    return mended.playbooks.empty() ? std::string("over by itself")
                                    : fmt::format("repaired: `{}`", mended.playbooks);
  return "left to a human";
}

std::string damage_words(const RepairTrial& trial) {
  if (!trial.unfinished.empty())
    return fmt::format("**not over: {}**", fmt::join(trial.unfinished, ", "));
  if (trial.damage.empty()) return "none";
  return fmt::format("**{}**", trial.damage.front());
}

std::string single_row(const RepairTrial& trial) {
  const auto& mended = trial.faults.front();
  if (!trial.ran())
    return fmt::format("| `{}` | not run: {} | | | | | | | |\n", mended.injector->fault,
                       trial.not_run.substr(0, trial.not_run.find('\n')));
  return fmt::format("| `{}` | {} | {} | {} | {} | {} | {} | {} | {} |\n", mended.injector->fault,
                     ended(mended), seconds(mended), mended.by_hand ? mended.repair->by_hand : "",
                     trial.client_errors, trial.acknowledged, trial.lost, damage_words(trial),
                     trial.right() ? "yes" : "**no**");
}

std::string pair_row(const RepairTrial& trial) {
  const auto& first = trial.faults.front();
  const auto& second = trial.faults.back();
  if (!trial.ran())
    return fmt::format("| `{}` | `{}` | not run: {} | | | | |\n", first.injector->fault,
                       second.injector->fault, trial.not_run.substr(0, trial.not_run.find('\n')));
  return fmt::format("| `{}` | `{}` | {}, {} s | {}, {} s | {} | {} | {} |\n",
                     first.injector->fault, second.injector->fault, ended(first), seconds(first),
                     ended(second), seconds(second), trial.lost, damage_words(trial),
                     trial.right() ? "yes" : "**no**");
}

}  // namespace

std::string to_page(const RepairResult& result) {
  auto page = std::string(kPreface);
  page += fmt::format("{} of {} faults ended as they are to.\n\n",
                      RepairResult::right(result.singles), RepairResult::counted(result.singles));
  page +=
      "| fault | outcome | seconds | by hand | client errors | acknowledged | lost | damage | as "
      "it "
      "is to |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const auto& trial : result.singles) page += single_row(trial);
  page += fmt::format(
      "\n## Pairs repaired\n\nTwo at once, drawn with seed {} as above. {} of {} ended whole.\n\n",
      result.seed, RepairResult::right(result.pairs), RepairResult::counted(result.pairs));
  page += "| first | second | the first | the second | lost | damage | right |\n";
  page += "|---|---|---|---|---|---|---|\n";
  for (const auto& trial : result.pairs) page += pair_row(trial);
  return page;
}

}  // namespace pgkeel::chaos
