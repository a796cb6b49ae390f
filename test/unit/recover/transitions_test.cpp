// The life of an incident as a graph: reachable, ending, and drawn as it is (D13 D16 X6).
#include "recover/transitions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <utility>

namespace pgkeel::recover {
namespace {

using incident::IncidentState;
using enum incident::IncidentState;

constexpr auto kStates =
    std::to_array<IncidentState>({Open, Recovering, Waiting, Verifying, Watching, Closed});

using Counts = std::function<bool(const Transition&)>;

std::set<IncidentState> reached_from(IncidentState start, const Counts& counts) {
  std::set<IncidentState> seen{start};
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& one : transitions())
      if (counts(one) && seen.contains(one.from))
        grown = seen.insert(state_after(one.happening)).second || grown;
  }
  return seen;
}

bool all(const Transition&) { return true; }
bool leads_on(const Transition& transition) { return transition.limit.empty(); }

TEST(IncidentStates, AreAllReachedFromOpen) {
  // Goal: no state is a word nobody uses.
  EXPECT_EQ(reached_from(Open, all).size(), kStates.size());
}

TEST(IncidentStates, AllLeadToClosedWithoutGoingBack) {
  // Goal: from wherever an incident stands there is an end, along ways that have no limit.
  for (const auto state : kStates)
    EXPECT_TRUE(reached_from(state, leads_on).contains(Closed)) << to_string(state);
}

TEST(IncidentStates, GoRoundOnlyWithALimit) {
  // Goal: termination: without the ways that are limited there is no way round.
  for (const auto state : kStates)
    for (const auto& one : transitions())
      if (one.from == state && leads_on(one))
        EXPECT_FALSE(reached_from(state_after(one.happening), leads_on).contains(state))
            << to_string(state) << ": " << to_string(one.happening);
}

TEST(IncidentStates, EndInClosedAlone) {
  // Goal: what is closed stays closed, and no row is there twice.
  std::set<std::pair<IncidentState, Happening>> rows;
  for (const auto& one : transitions()) {
    EXPECT_NE(one.from, Closed);
    EXPECT_TRUE(rows.insert({one.from, one.happening}).second) << to_string(one.from);
    EXPECT_TRUE(allowed(one.from, one.happening));
  }
  EXPECT_FALSE(allowed(Closed, Happening::PlaybookBegan));
}

TEST(IncidentStates, AreDrawnAsTheyAre) {
  // Goal: docs/reference/incident-states.md is the table; PGKEEL_UPDATE_DOCS=1 writes it.
  const std::filesystem::path file = "docs/reference/incident-states.md";
  if (std::getenv("PGKEEL_UPDATE_DOCS") != nullptr)
    std::ofstream(file) << incident_states_markdown();
  std::stringstream present;
  present << std::ifstream(file).rdbuf();
  EXPECT_EQ(present.str(), incident_states_markdown());
}

}  // namespace
}  // namespace pgkeel::recover
