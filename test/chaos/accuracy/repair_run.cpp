// See repair_run.hpp.
#include "chaos/accuracy/repair_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chaos/accuracy/pairs.hpp"

namespace pgkeel::chaos {
namespace {

using Json = nlohmann::ordered_json;

std::string names_of(const RepairTrial& trial) {
  std::vector<std::string_view> names;
  for (const auto& mended : trial.faults) names.push_back(mended.injector->fault);
  return fmt::format("{}", fmt::join(names, " + "));
}

std::string became_words(const Mended& mended) {
  const auto after = mended.settled ? mended.settled->count() : -1;
  return fmt::format("{} ({}) after {} ms{}", to_string(mended.became), mended.playbooks, after,
                     mended.by_hand ? ", mended by hand" : "");
}

void say(const RepairTrial& trial, SteadyTime began) {
  const auto took = std::chrono::duration<double>(SteadyClock::now() - began).count();
  if (!trial.ran()) {
    fmt::print(stderr, "  {:<42} not run: {}\n", names_of(trial), trial.not_run);
    return;
  }
  std::vector<std::string> words;
  for (const auto& mended : trial.faults) words.push_back(became_words(mended));
  fmt::print(stderr, "  {:<42} {} {}; {} of {} rows lost, {} twice ({:.1f} s)\n", names_of(trial),
             trial.right() ? "right" : "WRONG", fmt::join(words, "; "), trial.lost,
             trial.acknowledged, trial.duplicated, took);
  for (const auto& mended : trial.faults)
    if (!trial.right() && !mended.waits_for.empty())
      fmt::print(stderr, "    {}: {}\n", mended.injector->fault, mended.waits_for);
  for (const auto& damage : trial.damage) fmt::print(stderr, "    damaged: {}\n", damage);
  for (const auto& name : trial.unfinished) fmt::print(stderr, "    not over: {}\n", name);
}

RepairTrial excused(const Injector& injector, std::string why) {
  RepairTrial trial;
  trial.faults.push_back({.injector = &injector, .repair = &repair_of(injector.fault)});
  trial.not_run = std::move(why);
  trial.excused = true;
  return trial;
}

RepairTrial run_one(const ModelCluster& model, const std::vector<const Injector*>& faults) {
  const auto began = SteadyClock::now();
  const auto why = unable(*faults.front());
  auto trial = faults.size() == 1 && !why.empty() ? excused(*faults.front(), why)
                                                  : try_repair(model, faults);
  say(trial, began);
  return trial;
}

Json settled_json(const Mended& mended) {
  return mended.settled ? Json(mended.settled->count()) : Json(nullptr);
}

Json mended_json(const Mended& mended) {
  const bool repaired = mended.became == Became::Repaired;
  const bool named = mended.became != Became::Nothing;
  return {{"fault", mended.injector->fault},
          {"became", to_string(mended.became)},
          {"recovered_ms", repaired ? settled_json(mended) : Json(nullptr)},
          {"waiting_ms", repaired ? Json(nullptr) : settled_json(mended)},
          {"playbooks", mended.playbooks},
          {"waits_for", mended.waits_for},
          {"by_hand", mended.by_hand ? Json(mended.repair->by_hand) : Json(nullptr)},
          {"cause_named", named ? Json(mended.injector->fault) : Json(nullptr)}};
}

Json trial_json(const RepairTrial& trial) {
  Json faults = Json::array();
  for (const auto& mended : trial.faults) faults.push_back(mended_json(mended));
  Json all = {{"faults", std::move(faults)}, {"ran", trial.ran()}};
  if (!trial.ran()) {
    all["why"] = trial.not_run;
    return all;
  }
  all.update({{"client_errors", trial.client_errors},
              {"longest_stall_ms", trial.longest_stall.count()},
              {"acknowledged", trial.acknowledged},
              {"lost", trial.lost},
              {"duplicated", trial.duplicated},
              {"damage", trial.damage},
              {"not_over", trial.unfinished},
              {"right", trial.right()}});
  return all;
}

}  // namespace

int RepairResult::right(const std::vector<RepairTrial>& trials) {
  return static_cast<int>(std::ranges::count_if(trials, &RepairTrial::right));
}

int RepairResult::counted(const std::vector<RepairTrial>& trials) {
  return static_cast<int>(
      std::ranges::count_if(trials, [](const RepairTrial& trial) { return !trial.excused; }));
}

bool RepairResult::holds() const {
  return counted(singles) + counted(pairs) > 0 && right(singles) == counted(singles) &&
         right(pairs) == counted(pairs);
}

RepairResult run_repairs(const RunOptions& options) {
  RepairResult result;
  result.seed = options.seed;
  const ModelCluster model;
  for (const auto* fault : options.singles) result.singles.push_back(run_one(model, {fault}));
  for (const auto& pair : options.pairs) result.pairs.push_back(run_one(model, pair));
  fmt::print(stderr, "{} of {} faults and {} of {} pairs ended as they are to, nothing lost\n",
             RepairResult::right(result.singles), RepairResult::counted(result.singles),
             RepairResult::right(result.pairs), RepairResult::counted(result.pairs));
  return result;
}

std::string to_json(const RepairResult& result) {
  Json singles = Json::array();
  for (const auto& trial : result.singles) singles.push_back(trial_json(trial));
  Json pairs = Json::array();
  for (const auto& trial : result.pairs) pairs.push_back(trial_json(trial));
  const Json all = {{"singles", std::move(singles)},
                    {"pairs", std::move(pairs)},
                    {"seed", result.seed},
                    {"single_run", RepairResult::counted(result.singles)},
                    {"single_right", RepairResult::right(result.singles)},
                    {"pairs_run", RepairResult::counted(result.pairs)},
                    {"pairs_right", RepairResult::right(result.pairs)},
                    {"holds", result.holds()}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgkeel::chaos
