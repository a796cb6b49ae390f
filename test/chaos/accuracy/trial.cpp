// See trial.hpp.
#include "chaos/accuracy/trial.hpp"

#include <algorithm>
#include <atomic>

#include "chaos/accuracy/interruption.hpp"

namespace pgkeel::chaos {
namespace {

constexpr std::chrono::milliseconds kAskEvery{5};
// What comes to the guard's mind a moment later counts as well.
constexpr std::chrono::milliseconds kSettles{700};

bool is_one_of(const std::vector<const Injector*>& faults, const Named& named) {
  return std::ranges::any_of(faults, [&](const auto* one) { return one->is_named_by(named); });
}

// The cause; with its subject where that is another's than the fault's.
std::string name_of(const std::vector<const Injector*>& faults, const Named& named) {
  const bool other = !is_one_of(faults, named) && std::ranges::any_of(faults, [&](const auto* one) {
    return one->fault == named.cause;
  });
  return other ? named.cause + " of " + named.subject : named.cause;
}

void add_once(std::vector<std::string>& causes, const std::string& cause) {
  if (std::ranges::find(causes, cause) == causes.end()) causes.push_back(cause);
}

// Asks the guard again and again, and notes when it names what.
class Listener {
 public:
  Listener(Site& site, Trial& trial, const std::vector<const Injector*>& faults)
      : site_(site), trial_(trial), faults_(faults) {}

  void injected(std::size_t fault, SteadyTime evidence) {
    evidence_.resize(std::max(evidence_.size(), fault + 1));
    evidence_[fault] = evidence;
  }
  /// Until every fault injected so far is named, or the time has come.
  void listen(SteadyTime until) {
    while (!ask() && SteadyClock::now() < until) {
      if (interrupted()) throw Ended("told to stop");
      std::this_thread::sleep_for(kAskEvery);
    }
  }

 private:
  bool ask() {
    const auto incidents = site_.incidents();
    const auto now = SteadyClock::now();
    bool all = true;
    for (std::size_t i = 0; i < evidence_.size(); ++i) {
      auto& told = trial_.faults[i];
      const bool named = std::ranges::any_of(
          incidents, [&](const Named& one) { return told.injector->is_named_by(one); });
      if (named && !told.after)
        told.after = std::max(std::chrono::duration_cast<Millis>(now - evidence_[i]), Millis(0));
      all = all && told.after;
    }
    for (const auto& one : incidents)
      if (!all && !is_one_of(faults_, one)) add_once(trial_.before, name_of(faults_, one));
    return all;
  }

  Site& site_;
  Trial& trial_;
  const std::vector<const Injector*>& faults_;
  std::vector<SteadyTime> evidence_;
};

void sum_up(Site& site, const std::vector<const Injector*>& faults, Trial& trial) {
  std::this_thread::sleep_for(kSettles);
  for (const auto& one : site.incidents()) add_once(trial.named, name_of(faults, one));
  const auto findings = site.ask_doctor();
  if (!findings.empty()) trial.doctor_first = findings.front().cause;
  for (const auto& one : findings) add_once(trial.named, name_of(faults, one));
  const auto tally = site.tally();
  trial.client_errors = tally.errors;
  trial.acknowledged = tally.acknowledged;
}

void run(const ModelCluster& model, const std::vector<const Injector*>& faults,
         const Patience& patience, Trial& trial) {
  auto ground = std::make_unique<Ground>(model, GuardMode::Advise);
  for (const auto* fault : faults)
    if (fault->lay != nullptr) fault->lay(*ground);
  Site site(std::move(ground));
  for (const auto* fault : faults) {
    if (fault->furnish != nullptr) fault->furnish(site);
    if (fault->prepare != nullptr) fault->prepare(site);
  }
  site.stand();
  Listener listener(site, trial, faults);
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const auto evidence = faults[i]->inject(site);
    listener.injected(i, evidence);
    const bool last = i + 1 == faults.size();
    if (last) listener.listen(evidence + patience.named);
    else if (faults[i + 1]->leaves != Leaves::ServerServing)
      listener.listen(evidence + patience.between);
  }
  sum_up(site, faults, trial);
}

}  // namespace

bool Trial::right() const {
  if (!ran() || named.size() < faults.size()) return false;
  if (!std::ranges::all_of(faults, [](const Told& told) { return told.after.has_value(); }))
    return false;
  const auto first = std::span(named).first(faults.size());
  return std::ranges::all_of(faults, [&](const Told& told) {
    return std::ranges::find(first, told.injector->fault) != first.end();
  });
}

std::vector<const Injector*> in_order(const std::vector<const Injector*>& faults) {
  std::vector<const Injector*> ordered;
  for (const auto* fault : faults)
    ordered.insert(std::ranges::upper_bound(ordered, fault->leaves, {}, &Injector::leaves), fault);
  return ordered;
}

Trial try_faults(const ModelCluster& model, const std::vector<const Injector*>& faults,
                 const Patience& patience) {
  Trial trial;
  const auto ordered = in_order(faults);
  for (const auto* fault : ordered) trial.faults.push_back({fault, std::nullopt});
  try {
    run(model, ordered, patience, trial);
  } catch (const Ended&) {
    throw;
  } catch (const std::exception& error) {
    trial.not_run = error.what();
  }
  return trial;
}

}  // namespace pgkeel::chaos
