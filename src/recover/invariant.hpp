// What the operator says must hold in the data ([[invariant]]), asked after every recovery. Each
// query runs in a read-only transaction behind a cursor, so that it can neither write nor bring
// back more than one row. A query that cannot be run does not hold.
#pragma once

#include <vector>

#include "incident/model.hpp"
#include "recover/expectation.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::recover {

struct Services;

struct Invariant {
  std::string database;
  std::string sql;
  std::string wanted;  ///< the expectation as written
  Expectation expectation;
};

/// One verification for each invariant of the services, in their order, all within
/// kInvariantsPatience.
runtime::Task<std::vector<incident::Verification>> check_invariants(Services* services);

inline constexpr Seconds kInvariantPatience{10};   // a count of a large table; not a report
inline constexpr Seconds kInvariantsPatience{30};  // the guard decides nothing else meanwhile

}  // namespace pgkeel::recover
