// Which runs of dumps may leave the store. Planning is pure and says why; carrying it out removes
// the record first.
// It guarantees: a good run goes only when a newer one was proven by a drill, and never the newest
// good one; a failed run is no reason to remove anything, and stays itself while it holds the
// newest copy of a database.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "archive/catalog/dump.hpp"

namespace pgkeel::archive {

struct DumpRetention {
  Millis keep{};
  int keep_count = 3;  ///< good ones that stay whatever their age
};

struct DumpExpiry {
  struct Decision {
    std::string label;
    bool remove = false;
    std::string reason;
    std::uint64_t bytes = 0;
  };
  std::vector<Decision> dumps;          ///< oldest first
  std::vector<std::string> incomplete;  ///< labels that never got a record
  [[nodiscard]] std::uint64_t bytes() const;
};

/// `dumps` oldest first.
[[nodiscard]] DumpExpiry plan_dump_expiry(const std::vector<DumpStanding>& dumps,
                                          const DumpRetention& retention, WallTime now);

/// Labels without a record whose youngest object is older than `age`.
[[nodiscard]] Result<std::vector<std::string>> incomplete_dumps(Store& store, Millis age,
                                                                WallTime now);

/// `step` is told before each removal.
Result<void> carry_out(Store& store, const DumpExpiry& expiry,
                       const std::function<void(const std::string&)>& step);

}  // namespace pgkeel::archive
