// See run.hpp.
#include "chaos/accuracy/run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chaos/accuracy/pairs.hpp"
#include "chaos/accuracy/stillness.hpp"

namespace pgkeel::chaos {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kPairsPerMiss = 15;

std::string names_of(const Trial& trial) {
  std::vector<std::string_view> names;
  for (const auto& told : trial.faults) names.push_back(told.injector->fault);
  return fmt::format("{}", fmt::join(names, " + "));
}

void say(const Trial& trial, SteadyTime began) {
  const auto took = std::chrono::duration<double>(SteadyClock::now() - began).count();
  if (!trial.ran()) {
    fmt::print(stderr, "  {:<42} not run: {}\n", names_of(trial), trial.not_run);
    return;
  }
  std::string after;
  for (const auto& told : trial.faults)
    after += told.after ? fmt::format(" {:>5} ms", told.after->count()) : std::string("    never");
  fmt::print(stderr, "  {:<42}{} {}  named: {}{}  ({:.1f} s)\n", names_of(trial), after,
             trial.right() ? "right" : "WRONG", fmt::join(trial.named, ", "),
             trial.before.empty() ? "" : fmt::format("; before: {}", fmt::join(trial.before, ", ")),
             took);
}

Trial not_run(const Injector& injector, std::string why) {
  Trial trial;
  trial.faults.push_back({&injector, std::nullopt});
  trial.not_run = std::move(why);
  trial.excused = true;
  return trial;
}

// With a guard and a server of their own: the times of the trial are those of an undisturbed one.
void look_for_changes(const ModelCluster& model, const Injector& fault, Trial& trial) {
  if (!trial.ran()) return;
  try {
    trial.changed = changed_by_advice(model, fault);
  } catch (const Ended&) {
    throw;
  } catch (const std::exception& error) {
    trial.changed = {fmt::format("not looked at: {}", error.what())};
  }
  for (const auto& change : *trial.changed)
    fmt::print(stderr, "    changed by advice on {}: {}\n", fault.fault, change);
}

Trial run_one(const ModelCluster& model, const std::vector<const Injector*>& faults,
              const Patience& patience) {
  const auto began = SteadyClock::now();
  const auto why = unable(*faults.front());
  auto trial = faults.size() == 1 && !why.empty() ? not_run(*faults.front(), why)
                                                  : try_faults(model, faults, patience);
  say(trial, began);
  return trial;
}

Json after_json(const Told& told) { return told.after ? Json(told.after->count()) : Json(nullptr); }

// Advice brings nothing back, so nothing is known of what could be.
Json single_json(const Trial& trial) {
  const auto& told = trial.faults.front();
  if (!trial.ran())
    return {{"fault", told.injector->fault}, {"ran", false}, {"why", trial.not_run}};
  const bool named = told.after.has_value();
  return {{"fault", told.injector->fault},
          {"ran", true},
          {"detected_ms", after_json(told)},
          {"recovered_ms", nullptr},
          {"client_errors", trial.client_errors},
          {"acknowledged", trial.acknowledged},
          {"cause_named", named ? Json(told.injector->fault) : Json(nullptr)},
          {"first", trial.right()},
          {"named", trial.named},
          {"doctor_first", trial.doctor_first},
          {"named_before", trial.before},
          {"injected", told.injector->injected},
          {"evidence", told.injector->evidence},
          {"changed", trial.changed ? Json(*trial.changed) : Json(nullptr)}};
}

Json pair_json(const Trial& trial) {
  const auto& first = trial.faults.front();
  const auto& second = trial.faults.back();
  if (!trial.ran())
    return {{"faults", {first.injector->fault, second.injector->fault}},
            {"ran", false},
            {"why", trial.not_run}};
  return {{"faults", {first.injector->fault, second.injector->fault}},
          {"ran", true},
          {"detected_ms", {after_json(first), after_json(second)}},
          {"named", trial.named},
          {"right", trial.right()}};
}

}  // namespace

int RunResult::right(const std::vector<Trial>& trials) {
  return static_cast<int>(std::ranges::count_if(trials, &Trial::right));
}

int RunResult::counted(const std::vector<Trial>& trials) {
  return static_cast<int>(
      std::ranges::count_if(trials, [](const Trial& trial) { return !trial.excused; }));
}

int RunResult::late() const {
  return static_cast<int>(std::ranges::count_if(singles, [](const Trial& trial) {
    return trial.right() && *trial.faults.front().after > kNamedWithin;
  }));
}

int RunResult::preceded() const {
  return static_cast<int>(
      std::ranges::count_if(singles, [](const Trial& trial) { return !trial.before.empty(); }));
}

int RunResult::changed() const {
  return static_cast<int>(std::ranges::count_if(
      singles, [](const Trial& trial) { return trial.changed && !trial.changed->empty(); }));
}

bool RunResult::all_right() const {
  return counted(singles) + counted(pairs) > 0 && right(singles) == counted(singles) &&
         right(pairs) == counted(pairs) && changed() == 0;
}

bool RunResult::holds() const {
  const auto misses = counted(pairs) - right(pairs);
  return counted(singles) + counted(pairs) > 0 && right(singles) == counted(singles) &&
         late() == 0 && changed() == 0 && misses <= counted(pairs) / kPairsPerMiss;
}

RunResult run_trials(const RunOptions& options) {
  RunResult result;
  result.seed = options.seed;
  const ModelCluster model;
  for (const auto* fault : options.singles)
    result.singles.push_back(run_one(model, {fault}, options.patience));
  if (options.changes)
    for (auto& trial : result.singles)
      look_for_changes(model, *trial.faults.front().injector, trial);
  for (const auto& pair : options.pairs)
    result.pairs.push_back(run_one(model, pair, options.patience));
  fmt::print(
      stderr,
      "{} of {} faults named right and first, {} of them late; {} of {} pairs; {} changed by "
      "advice\n",
      RunResult::right(result.singles), RunResult::counted(result.singles), result.late(),
      RunResult::right(result.pairs), result.pairs.size(), result.changed());
  return result;
}

std::string to_json(const RunResult& result) {
  Json faults = Json::array();
  for (const auto& trial : result.singles) faults.push_back(single_json(trial));
  Json pairs = Json::array();
  for (const auto& trial : result.pairs) pairs.push_back(pair_json(trial));
  const Json all = {{"faults", std::move(faults)},
                    {"pairs", std::move(pairs)},
                    {"seed", result.seed},
                    {"single_run", RunResult::counted(result.singles)},
                    {"single_right", RunResult::right(result.singles)},
                    {"single_late", result.late()},
                    {"single_preceded", result.preceded()},
                    {"changed", result.changed()},
                    {"pairs_run", RunResult::counted(result.pairs)},
                    {"pairs_right", RunResult::right(result.pairs)},
                    {"holds", result.holds()}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgkeel::chaos
