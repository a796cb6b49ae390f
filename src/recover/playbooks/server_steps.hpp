// Steps about the server process that several playbooks share.
#pragma once

#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// Waits for surviving children of a dead postmaster; ends those that do not go.
extern const Step kAwaitChildrenGone;
/// Compares the identity, starts the server and waits until it accepts connections or recovers.
extern const Step kStartServer;

}  // namespace pgkeel::recover
