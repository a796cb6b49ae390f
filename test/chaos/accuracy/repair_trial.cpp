// See repair_trial.hpp.
#include "chaos/accuracy/repair_trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <ranges>
#include <set>
#include <stdexcept>

#include "chaos/accuracy/interruption.hpp"
#include "chaos/accuracy/trial.hpp"
#include "chaos/accuracy/wholeness.hpp"
#include "incident/journal.hpp"
#include "incident/store.hpp"

namespace pgkeel::chaos {
namespace {

using incident::Incident;
using incident::IncidentState;

constexpr Millis kNamedMost{15'000};
constexpr Millis kSettledMost{60'000};
constexpr Millis kOverMost{60'000};
constexpr Millis kWritesMost{30'000};
// The world must stand still for so long before it counts as settled: one thing leads to another.
constexpr Millis kStill{1'500};
constexpr std::size_t kIncidentsRead = 50;

void wait(const std::function<bool()>& condition, Millis limit) {
  static_cast<void>(test::wait_until(
      [&] {
        if (interrupted()) throw Ended("told to stop");
        return condition();
      },
      limit));
}

// From the journal and not from the guard, which may be dead.
std::vector<Incident> journaled(const Site& site) {
  std::vector<Incident> found;
  const auto store = incident::Store::open_read_only(site.config().state_dir);
  if (!store) return found;
  const incident::Journal journal(**store);
  const auto heads = journal.list(kIncidentsRead);
  if (!heads) return found;
  for (const auto& head : *heads)
    if (auto whole = journal.load(head.id)) found.push_back(std::move(*whole));
  return found;
}

bool over(const Incident& incident) {
  return incident.state == IncidentState::Watching || incident.state == IncidentState::Closed;
}

bool at_rest(const Incident& incident) {
  return (over(incident) || incident.state == IncidentState::Waiting) &&
         std::ranges::none_of(incident.actions, [](const auto& action) {
           return action.outcome == incident::ActionOutcome::Pending;
         });
}

/// What is watched of one trial's incidents from one look to the next.
class Ward {
 public:
  Ward(Site& site, RepairTrial& trial) : site_(site), trial_(trial) {}

  void injected(std::size_t fault, SteadyTime evidence) { evidence_[fault] = evidence; }

  void await_named(std::size_t fault) {
    wait([&] { return look(), trial_.faults[fault].became != Became::Nothing; }, kNamedMost);
  }
  /// Until every incident is over or waits for a person, and stays so.
  void await_settled(Millis limit) {
    std::optional<SteadyTime> since;
    wait(
        [&] {
          look();
          if (!settled_) since.reset();
          else if (!since) since = SteadyClock::now();
          return since && SteadyClock::now() - *since >= kStill;
        },
        limit);
  }
  /// Until the fault's incident is over, and all is at rest.
  void await_over(const Mended& mended) {
    if (!mended.repair->told_on) wait([&] { return look(), is_over(*mended.injector); }, kOverMost);
    await_settled(kOverMost);
  }
  /// Until nothing is left unfinished.
  void await_all_over() {
    wait([&] { return look(), unfinished().empty(); }, kOverMost);
  }
  [[nodiscard]] std::vector<std::string> unfinished() const {
    std::vector<std::string> names;
    for (const auto& incident : seen_)
      if (!over(incident) && !is_told_on(incident))
        names.push_back(incident.cause + " of " + incident.subject);
    return names;
  }
  [[nodiscard]] bool is_over(const Injector& fault) const {
    const auto* incident = incident_of(fault);
    return incident == nullptr || over(*incident);
  }

 private:
  void look() {
    seen_ = journaled(site_);
    settled_ = std::ranges::all_of(seen_, at_rest);
    for (auto& [fault, evidence] : evidence_) note(trial_.faults[fault], evidence);
  }
  // The unfinished one, or else the newest.
  [[nodiscard]] const Incident* incident_of(const Injector& fault) const {
    const Incident* found = nullptr;
    for (const auto& incident : seen_) {
      if (!fault.is_named_by({incident.cause, incident.subject})) continue;
      if (!over(incident)) return &incident;
      if (found == nullptr) found = &incident;
    }
    return found;
  }
  void note(Mended& mended, SteadyTime evidence) const {
    const auto* incident = incident_of(*mended.injector);
    if (incident == nullptr || mended.by_hand || !at_rest(*incident)) return;
    const auto now = over(*incident) ? Became::Repaired : Became::LeftToHuman;
    mended.playbooks = playbooks_of(*incident);
    if (now == Became::LeftToHuman) mended.waits_for = last_wait(*incident);
    if (now == mended.became) return;
    mended.became = now;
    mended.settled =
        std::max(std::chrono::duration_cast<Millis>(SteadyClock::now() - evidence), Millis(0));
  }
  [[nodiscard]] bool is_told_on(const Incident& incident) const {
    return std::ranges::any_of(trial_.faults, [&](const Mended& mended) {
      return mended.by_hand && mended.repair->told_on &&
             mended.injector->is_named_by({incident.cause, incident.subject});
    });
  }
  static std::string playbooks_of(const Incident& incident) {
    std::string names;
    for (const auto& action : incident.actions)
      if (!names.ends_with(action.playbook)) names += (names.empty() ? "" : ", ") + action.playbook;
    return names;
  }
  static std::string last_wait(const Incident& incident) {
    for (const auto& event : incident.events | std::views::reverse)
      if (event.text.starts_with("Waiting for ")) return event.text;
    return {};
  }

  Site& site_;
  RepairTrial& trial_;
  std::map<std::size_t, SteadyTime> evidence_;
  std::vector<Incident> seen_;
  bool settled_ = false;
};

void inject_all(Site& site, Ward& ward, const std::vector<const Injector*>& faults) {
  for (std::size_t i = 0; i < faults.size(); ++i) {
    ward.injected(i, faults[i]->inject(site));
    const bool last = i + 1 == faults.size();
    if (last || faults[i + 1]->leaves != Leaves::ServerServing) ward.await_named(i);
  }
  ward.await_settled(kSettledMost);
}

// A person who reads the incidents: what keeps the server down comes first.
void mend_by_hand(Site& site, Ward& ward, RepairTrial& trial) {
  for (auto& mended : trial.faults | std::views::reverse) {
    if (ward.is_over(*mended.injector) || mended.repair->do_it == nullptr) continue;
    mended.by_hand = true;
    mended.repair->do_it(site);
    ward.await_over(mended);
  }
}

void count_rows(Site& site, RepairTrial& trial) {
  const auto before = SteadyClock::now();
  wait([&] { return site.writer().last_acknowledged() > before; }, kWritesMost);
  if (site.writer().last_acknowledged() <= before) trial.unfinished.emplace_back("the writer");
  const auto acknowledged = site.writer().acknowledged();  // first: later rows may only add
  std::set<std::int64_t> present;
  for (auto& row : site.server().rows("select n, count(*) from ledger group by n", "shop")) {
    present.insert(std::stoll(row.at(0).value()));
    trial.duplicated += std::stoll(row.at(1).value()) - 1;
  }
  trial.acknowledged = static_cast<std::int64_t>(acknowledged.size());
  trial.lost =
      std::ranges::count_if(acknowledged, [&](std::int64_t n) { return !present.contains(n); });
  const auto tally = site.tally();
  trial.client_errors = tally.errors;
  trial.longest_stall = tally.longest_stall;
}

void run(const ModelCluster& model, const std::vector<const Injector*>& faults,
         RepairTrial& trial) {
  auto ground = std::make_unique<Ground>(model, GuardMode::Act);
  for (const auto* fault : faults)
    if (fault->lay != nullptr) fault->lay(*ground);
  Site site(std::move(ground));
  for (const auto* fault : faults)
    if (fault->furnish != nullptr) fault->furnish(site);
  site.protect();
  for (const auto* fault : faults)
    if (fault->prepare != nullptr) fault->prepare(site);
  site.stand();
  const auto before = Wholeness::of(site);
  Ward ward(site, trial);
  inject_all(site, ward, faults);
  mend_by_hand(site, ward, trial);
  count_rows(site, trial);
  ward.await_all_over();
  for (auto& name : ward.unfinished()) trial.unfinished.push_back(std::move(name));
  trial.damage = before.damage_in(Wholeness::of(site));
}

bool ended_well(const Mended& mended, bool alone) {
  if (mended.became == Became::Nothing) return false;
  if (!alone || mended.repair->ends == Ends::Either) return true;
  return (mended.became == Became::LeftToHuman) == (mended.repair->ends == Ends::LeftToHuman);
}

}  // namespace

std::string_view to_string(Became became) {
  switch (became) {
    case Became::Nothing: return "nothing";
    case Became::Repaired: return "repaired";
    case Became::LeftToHuman: return "left to a human";
  }
  return {};
}

bool RepairTrial::right() const {
  const bool alone = faults.size() == 1;
  return ran() && whole() && std::ranges::all_of(faults, [&](const Mended& mended) {
           return ended_well(mended, alone);
         });
}

RepairTrial try_repair(const ModelCluster& model, const std::vector<const Injector*>& faults) {
  RepairTrial trial;
  const auto ordered = in_order(faults);
  for (const auto* fault : ordered)
    trial.faults.push_back({.injector = fault, .repair = &repair_of(fault->fault)});
  try {
    run(model, ordered, trial);
  } catch (const Ended&) {
    throw;
  } catch (const std::exception& error) {
    trial.not_run = error.what();
  }
  return trial;
}

}  // namespace pgkeel::chaos
