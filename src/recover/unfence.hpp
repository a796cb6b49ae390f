// The operator's `unfence`: data that was fenced is given back, what was kept from starting it is
// set back, and a cluster other than the known one is accepted. In that order of safety: accepted
// first, since a guard that comes in between would fence it again; the data last, so that whatever
// is interrupted is still fenced and may be asked for again.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// Which cluster is accepted: the one that is there when it is another than the known one, or none
/// is known. Nothing for the known one, whose databases and tables would be forgotten for nothing.
[[nodiscard]] std::optional<incident::Identity> to_accept(
    const std::optional<incident::Identity>& known, const std::optional<incident::Identity>& there);
/// What it would do now, a sentence each; also what it did, when asked right before. `there`: the
/// cluster that is there, nothing when that cannot be told.
[[nodiscard]] std::vector<std::string> unfence_plan(const Services& services,
                                                    const std::optional<incident::Identity>& there);

/// Gives fenced data back and sets the restarter back. Accepting the identity, where it is another,
/// was the caller's. Refused when a control file stands beside the fenced one.
runtime::Task<Result<void>> give_data_back(Services* services, std::string who);

}  // namespace pgkeel::recover
