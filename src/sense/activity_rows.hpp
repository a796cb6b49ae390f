// What the look at activity asks, and how the answer becomes plain values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/rows.hpp"
#include "sense/activity_facts.hpp"

namespace pgkeel::sense {

inline constexpr std::string_view kActivityName = "pgkeel_activity";
/// One statement for all: rows of a kind, four texts and four numbers.
[[nodiscard]] const std::string& activity_statement();

/// Rows of another shape are left out.
[[nodiscard]] ActivityFacts read_activity(const client::Rows& rows);

/// A session that waits for a lock.
struct Waiter {
  std::string who;  ///< "pid 12 (app, cron)"
  std::vector<pid_t> blockers;
};
/// Who stands at or before each lock, directly or behind another, and who waits for them. Pure.
void count_waiting(const std::map<pid_t, Waiter>& waiters,
                   std::vector<OpenTransaction>& transactions);

/// Counts of looks in a row go on from the look before, which `now.at` is later than. Pure.
void carry_over(const ActivityFacts& before, ActivityFacts& now);
/// Something was seen for the first time that a second look should confirm. Pure.
[[nodiscard]] bool wants_confirming(const ActivityFacts& facts);

}  // namespace pgkeel::sense
