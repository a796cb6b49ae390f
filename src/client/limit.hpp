// How long a call may take and who may end it early. Every call to a server takes one, so that a
// hung server can never hang its caller.
#pragma once

#include <stop_token>

#include "base/time.hpp"

namespace pgkeel::client {

struct Limit {
  SteadyTime deadline;
  std::stop_token stop;

  // Implicit on purpose: `connection.query(sql, {}, loop.after(2s))` reads as it should.
  Limit(SteadyTime until, std::stop_token token = {}) : deadline(until), stop(std::move(token)) {}

  /// The same stop request with another deadline.
  [[nodiscard]] Limit with_deadline(SteadyTime until) const { return {until, stop}; }
};

}  // namespace pgkeel::client
