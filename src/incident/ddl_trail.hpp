// The record of DDL, kept outside the database so that a lost one does not take it along. Bounded
// by number and by age; what is read from the log twice is kept once.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "pg/ddl_line.hpp"

namespace pgkeel::incident {

class Store;

/// A day of migrations is some hundred lines of below a kilobyte.
inline constexpr std::int64_t kDdlKept = 20'000;
inline constexpr Seconds kDdlKeptFor{90 * 86'400};

class DdlTrail {
 public:
  explicit DdlTrail(Store& store) : store_(&store) {}

  /// On disk when it returns, in one transaction; expires what is too old or too much.
  Result<void> record(const std::vector<pg::DdlLine>& lines, WallTime now);
  /// Not older than `since`, the newest `most` of them, oldest first.
  [[nodiscard]] Result<std::vector<pg::DdlLine>> since(WallTime since, std::size_t most) const;

 private:
  Store* store_;
};

/// Of a trail: what removed "shop.public.orders" in a transaction that committed at `at`; null
/// where nobody wrote it down.
[[nodiscard]] const pg::DdlLine* who_removed(const std::vector<pg::DdlLine>& lines,
                                             std::string_view subject, WallTime at);

}  // namespace pgkeel::incident
