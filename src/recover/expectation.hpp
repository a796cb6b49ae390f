// What an [[invariant]] expects of its query: "> 0", "= 5", "true", "empty", "not empty". Pure; the
// same reader checks the configuration and judges the answer. A NULL and a missing row never meet a
// comparison: an invariant that cannot be judged does not hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::recover {

struct Expectation {
  enum class Kind : std::uint8_t { Compare, Empty, NotEmpty };
  Kind kind = Kind::NotEmpty;
  std::string_view op = {};  ///< =, <>, <, <=, >, >=; a literal
  std::string operand = {};
};

/// What the query answered: its number of rows, cut at one, and the first value of the first row.
struct Answer {
  bool any_row = false;
  std::optional<std::string> value;  ///< nullopt: NULL
};

/// ConfigBadValue. Order (<, <=, >, >=) is of numbers only; = and <> compare anything.
[[nodiscard]] Result<Expectation> parse_expectation(std::string_view text);

/// Nothing when it is met, else why not: "is 0", "is NULL", "has no row".
[[nodiscard]] std::optional<std::string> objection(const Expectation& expectation,
                                                   const Answer& answer);

}  // namespace pgkeel::recover
