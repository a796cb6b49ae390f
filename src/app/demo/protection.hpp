// What the demo's server is protected by: an archive its commits wait for, and a shadow, as
// docs/guide/archive.md and docs/guide/shadow.md recommend.
#pragma once

#include "app/demo/stage.hpp"

namespace pgkeel::app {

/// Configuration of a stage whose data may be removed for good.
[[nodiscard]] GuardEnvironment demo_protection();

/// Waits until commits wait for the archive and the shadow follows: what is lost now comes back.
/// Cancelled when told to stop, TimedOut after two minutes.
Result<void> await_protected(Stage& stage);

}  // namespace pgkeel::app
