// A guard in virtual time: decide() over an observation, and what the conductor makes of each
// decision in its state, without journal or server.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "recover/decide.hpp"
#include "recover/remedy.hpp"
#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::test {

struct VirtualGuard {
  recover::GuardState state;
  recover::Policy policy;
  SteadyTime now = kNow;
  int opened = 0;

  [[nodiscard]] std::vector<recover::Decision> decide(const Instance& instance) const {
    return recover::decide(state, instance.seen, diagnose::diagnose(instance.as_case()), policy,
                           now);
  }

  std::vector<recover::Decision> turn(const Instance& instance) {
    state.stopped_on_purpose = recover::is_stopped_on_purpose(
        state, instance.seen, diagnose::diagnose(instance.as_case()));
    auto decisions = decide(instance);
    for (const auto& decision : decisions)
      std::visit([&](const auto& one) { apply(one, instance); }, decision);
    return decisions;
  }

  // As the conductor does; no decision may lead where the table of transitions has no way.
  static void move(recover::Tracked& tracked, recover::Happening happening) {
    EXPECT_TRUE(recover::allowed(tracked.state, happening))
        << incident::to_string(tracked.state) << ": " << recover::to_string(happening);
    tracked.state = recover::state_after(happening);
  }

  recover::Tracked& only() { return state.incidents.at(0); }

  void apply(const recover::OpenIncident& open, const Instance&) {
    close(open.closes);
    recover::Tracked tracked;
    tracked.id = std::to_string(++opened);
    tracked.cause = open.finding.cause;
    tracked.subject = open.finding.subject;
    tracked.opened_at = now;
    state.incidents.push_back(tracked);
  }
  void apply(const recover::RefineIncident& refine, const Instance&) {
    state.by_id(refine.id)->cause = refine.finding.cause;
    state.by_id(refine.id)->waiting_for.clear();
  }
  void apply(const recover::RunPlaybook& run, const Instance& instance) {
    auto& tracked = *state.by_id(run.id);
    if (recover::remedy_for(run.finding, instance.seen, policy).starts_server)
      state.starts.push_back(now);
    move(tracked, recover::Happening::PlaybookBegan);
    tracked.waiting_for.clear();
    tracked.last_playbook = run.playbook;
    tracked.next_attempt_at = now + recover::backoff(++tracked.attempts);
  }
  void apply(const recover::AdvisePlaybook& advise, const Instance&) {
    state.by_id(advise.id)->advised = advise.finding.cause;
    move(*state.by_id(advise.id), recover::Happening::HumanNeeded);
  }
  void apply(const recover::WaitForHuman& wait, const Instance&) {
    auto& tracked = *state.by_id(wait.id);
    move(tracked, recover::Happening::HumanNeeded);
    tracked.waiting_for = wait.why;
    tracked.gave_up = tracked.gave_up || wait.gives_up;
  }
  void apply(const recover::VerifyRecovery& verify, const Instance&) {
    move(*state.by_id(verify.id), recover::Happening::ChecksPassed);
    state.by_id(verify.id)->watch_until = now + policy.watch_for;
  }
  void apply(const recover::CloseIncident& closing, const Instance&) {
    move(*state.by_id(closing.id), closing.happening);
    close(closing.id);
  }
  void close(const std::string& id) {
    std::erase_if(state.incidents, [&](const auto& tracked) { return tracked.id == id; });
  }
};

template <class Kind>
const Kind* sole(const std::vector<recover::Decision>& decisions) {
  return decisions.size() == 1 ? std::get_if<Kind>(decisions.data()) : nullptr;
}

}  // namespace pgkeel::test
