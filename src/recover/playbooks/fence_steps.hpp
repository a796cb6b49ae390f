// Steps that make sure a server does not come back: what would start it by itself is set so that it
// does not (and is remembered, so that it can be set back), and the data is fenced. Between the two
// the server is ended; a playbook brings the step that says which.
// They may be repeated: what is remembered is never replaced by what we set ourselves.
#pragma once

#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// Before the server is ended, while another cluster than the known one stands there. An engine
/// that says yes and does nothing ends the playbook here; one that cannot is said, and the fence in
/// the data holds alone.
extern const Step kHoldRestarts;
/// Sets it back as it was, where it was held; before the known server is started again.
extern const Step kReleaseRestarts;

/// Which stranger stands there; nothing when the directory is gone. Refused when it is the known
/// cluster, or cannot be told.
[[nodiscard]] Result<std::optional<SystemId>> stranger_there(const StepContext& context);
/// The way out where stranger_there() refused: what was held is set back, and a human is told.
[[nodiscard]] runtime::Task<StepResult> no_stranger_left(StepContext* context, Error why);

/// Fences the data directory: a cluster stands in it that must not run, `why` says so as a clause.
/// The caller has just looked at which cluster that is.
[[nodiscard]] StepResult fence_now(const StepContext& context, std::string why);
/// For a step's description.
[[nodiscard]] std::string describe_fence_now(const StepContext& context);

}  // namespace pgkeel::recover
