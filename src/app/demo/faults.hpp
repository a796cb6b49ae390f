// The faults the demo and `pgkeel inject` know: each breaks the stage in one way, as the world
// does.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/demo/stage.hpp"

namespace pgkeel::app {

/// What outlasts an injection (a listener on the port) and is taken back after a while.
struct FaultInProgress {
  virtual ~FaultInProgress() = default;
};

struct Fault {
  std::string_view name;   ///< of the contract
  std::string_view story;  ///< what happens, in words
  Result<std::unique_ptr<FaultInProgress>> (*inject)(Stage& stage);
  /// The table whose rows go with it, and how many it had; none: nothing may be lost.
  std::string_view database = {};
  std::string_view table = {};
  std::int64_t rows_at_stake = 0;
  /// What a person says to it, after "pgkeel"; none: the guard heals it by itself.
  std::vector<std::string> answer = {};
};

[[nodiscard]] std::span<const Fault> demo_faults();

}  // namespace pgkeel::app
