// The words in which enumerations stand in a kept moment (moment.hpp): stable, whatever the order
// of the enumeration becomes. Where a room has words of its own, they are these.
#pragma once

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "sense/observation.hpp"

namespace pgkeel::diagnose::kept {

template <class Enum>
using Words = std::vector<std::pair<Enum, std::string_view>>;

// From the first to the last, by the room's own to_string.
template <class Enum>
Words<Enum> words_until(Enum last) {
  Words<Enum> words;
  for (int i = 0; i <= static_cast<int>(last); ++i)
    words.emplace_back(static_cast<Enum>(i), to_string(static_cast<Enum>(i)));
  return words;
}

inline Words<sense::ProcessState> words_of(sense::ProcessState) {
  using enum sense::ProcessState;
  return {{Unknown, "unknown"}, {Running, "running"}, {Stopped, "stopped"}, {Absent, "absent"}};
}
inline Words<sense::RowLossKind> words_of(sense::RowLossKind) {
  using enum sense::RowLossKind;
  return {{Truncated, "truncated"}, {Deleted, "deleted"}};
}
inline Words<sense::ProbeResult> words_of(sense::ProbeResult) {
  return words_until(sense::ProbeResult::Rejected);
}
inline Words<sense::SpaceRole> words_of(sense::SpaceRole) {
  return words_until(sense::SpaceRole::SharedMemory);
}
inline Words<instance::DataDirState> words_of(instance::DataDirState) {
  return words_until(instance::DataDirState::Unreadable);
}
inline Words<instance::LockState> words_of(instance::LockState) {
  return words_until(instance::LockState::Unclear);
}
inline Words<instance::RestartPolicy> words_of(instance::RestartPolicy) {
  return words_until(instance::RestartPolicy::OnFailure);
}
inline Words<pg::ClusterState> words_of(pg::ClusterState) {
  return words_until(pg::ClusterState::InProduction);
}
inline Words<pg::LogSeverity> words_of(pg::LogSeverity) {
  return words_until(pg::LogSeverity::Panic);
}
inline Words<pg::Signature> words_of(pg::Signature) {
  return words_until(pg::Signature::DirNotEmpty);
}
inline Words<ErrorCode> words_of(ErrorCode) {
  Words<ErrorCode> words;
  for (const auto& row : error_table()) words.emplace_back(row.code, row.name);
  return words;
}

// Made once for each enumeration.
template <class Enum>
const Words<Enum>& words() {
  static const auto kWords = words_of(Enum{});
  return kWords;
}

}  // namespace pgkeel::diagnose::kept
