// See sync_decision.hpp.
#include "app/guard/sync_decision.hpp"

#include <algorithm>

namespace pgkeel::app {
namespace {

// Under load there are always commits waiting, each for a moment; this one is stuck.
constexpr Millis kStuckAfter{1'000};

bool part_of_a_name(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

bool names_standby(std::string_view names, std::string_view name) {
  for (auto at = names.find(name); at != names.npos; at = names.find(name, at + 1)) {
    const auto end = at + name.size();
    const bool begins = at == 0 || !part_of_a_name(names[at - 1]);
    if (begins && (end == names.size() || !part_of_a_name(names[end]))) return true;
  }
  return false;
}

bool SyncDecision::ours(const std::string& names) const {
  return names == policy_.name || names == '"' + policy_.name + '"';
}

void SyncDecision::note_waiting(const SyncView& view, SteadyTime now) {
  std::map<std::string, SteadyTime> still;
  for (const auto& commit : view.waiting) {
    const auto known = waiting_since_.find(commit);
    still.emplace(commit, known == waiting_since_.end() ? now : known->second);
  }
  waiting_since_ = std::move(still);
}

void SyncDecision::note_loss(const SyncView& view, SteadyTime now) {
  std::optional<SteadyTime> since;
  for (const auto& [commit, at] : waiting_since_)
    if (now - at >= kStuckAfter) since = since ? std::min(*since, at) : at;
  if (!view.streams) since = std::min(since.value_or(now), lost_since_.value_or(now));
  lost_since_ = since;
}

SyncStep SyncDecision::decide(const SyncView& view, SteadyTime now) {
  const auto step = judge(view, now);
  const bool may_wait = step == SyncStep::Arm || step == SyncStep::Disarm;
  return view.paused && may_wait ? SyncStep::None : step;
}

SyncStep SyncDecision::judge(const SyncView& view, SteadyTime now) {
  const bool armed = ours(view.standby_names);
  note_waiting(view, now);
  note_loss(view, now);
  if (policy_.durability == SyncPolicy::Durability::Async)
    return armed ? SyncStep::Disarm : SyncStep::None;
  if (armed) {
    to_catch_up_.reset();
    return when_armed(now);
  }
  if (!view.standby_names.empty()) return SyncStep::Foreign;
  return when_not_armed(view);
}

SyncStep SyncDecision::when_armed(SteadyTime now) const {
  if (!policy_.degrade_after || !lost_since_) return SyncStep::None;
  return now - *lost_since_ >= *policy_.degrade_after ? SyncStep::Degrade : SyncStep::None;
}

SyncStep SyncDecision::when_not_armed(const SyncView& view) {
  if (!view.streams) {
    to_catch_up_.reset();
    return SyncStep::None;
  }
  if (to_catch_up_ && view.archive_flushed >= *to_catch_up_) return SyncStep::Arm;
  if (!to_catch_up_) to_catch_up_ = view.server_flushed;
  return SyncStep::None;
}

SyncProtection::Change SyncProtection::note(const SyncView& view, const SyncPolicy& policy,
                                            bool unprotected) {
  if (policy.durability == SyncPolicy::Durability::Async) {
    was_armed_ = named_ = false;
    return Change::None;
  }
  const bool named_before = named_;
  named_ = names_standby(view.standby_names, policy.name);
  if (named_) {
    was_armed_ = true;
    return unprotected && named_before && view.checkpointer_idle ? Change::Ends : Change::None;
  }
  const bool emptied = was_armed_ && view.standby_names.empty();
  return emptied && !unprotected ? Change::Begins : Change::None;
}

}  // namespace pgkeel::app
