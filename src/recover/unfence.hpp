// The operator's `unfence`: data that was fenced is given back, what was kept from starting it is
// set back, and a cluster other than the known one is accepted. In that order of safety: accepted
// first, since a guard that comes in between would fence it again; the data last, so that whatever
// is interrupted is still fenced and may be asked for again.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// What it would do now, a sentence each; also what it did, when asked right before.
[[nodiscard]] std::vector<std::string> unfence_plan(const Services& services);

/// Gives fenced data back and sets the restarter back. Accepting the identity, where it is another,
/// was the caller's. Refused when a control file stands beside the fenced one.
runtime::Task<Result<void>> give_data_back(Services* services, std::string who);

}  // namespace pgkeel::recover
