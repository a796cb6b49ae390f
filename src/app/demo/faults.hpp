// The faults the demo and `pgkeel inject` know: each breaks the stage in one way, as the world
// does.
#pragma once

#include <span>
#include <string_view>

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
  /// Rows that go with it by policy recreate-empty; 0: nothing may be lost.
  std::int64_t rows_at_stake = 0;
};

[[nodiscard]] std::span<const Fault> demo_faults();

}  // namespace pgkeel::app
