// What the guard can do, and why not: a table of features and what each needs, compared with how
// far the instance's kind reaches (instance::Capabilities) and what the guard's role may do
// (sense::RightsFacts). Shown by `pgkeel status` and docs/reference/capabilities.md, and obeyed:
// remedy_for() attempts nothing whose need is not met. Pure. A new feature is one row.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sense/observation.hpp"

namespace pgkeel::recover {

enum class Need : std::uint8_t {
  Nothing,
  SeeProcess,
  SeeFiles,
  Start,
  Stop,
  MoveFiles,
  CreateDb,    ///< attribute CREATEDB
  Ownership,   ///< of the database, by membership
  ReadStats,   ///< pg_read_all_stats
  Signal,      ///< pg_signal_backend: end other roles' sessions
  ReadTables,  ///< SELECT on every table, for pg_dump to take its lock
};

struct NeedInfo {
  Need need;
  std::string_view clause;     ///< "needs CREATEDB"
  std::string_view waits_for;  ///< what an incident waits for where it is not met
};

struct Feature {
  std::string_view name;      ///< of the playbook, where it is one
  std::string_view sentence;  ///< for people
  std::array<Need, 4> needs;  ///< all of them; the first unmet one is the reason why not
};

/// Every feature, in the order people care about them.
[[nodiscard]] std::span<const Feature> features();
[[nodiscard]] const NeedInfo& need_info(Need need);

/// The first need that is not met; null when the feature can be had. A right that was not looked at
/// yet counts as held: it will have been before anything is decided by it.
[[nodiscard]] const NeedInfo* lacking(const Feature& feature, const sense::Observation& seen);
/// The same for the feature of that name; null for a name that is none.
[[nodiscard]] const NeedInfo* lacking_for(std::string_view name, const sense::Observation& seen);

/// docs/reference/capabilities.md: every feature against every kind, with the rights it takes.
[[nodiscard]] std::string capabilities_markdown();

}  // namespace pgkeel::recover
