// The checks that must pass before an incident counts as recovered: a fresh login, a write, every
// required database and every known table.
#pragma once

#include <vector>

#include "diagnose/known.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// Looks at everything anew and judges it; pure apart from that look. `excused` are subjects whose
/// own incident is still open, so that a lost table does not keep a restarted server's incident
/// open.
runtime::Task<std::vector<incident::Verification>> verify_service(Services* services,
                                                                  const diagnose::Known* known,
                                                                  std::vector<std::string> excused);

[[nodiscard]] bool all_passed(const std::vector<incident::Verification>& checks);

}  // namespace pgkeel::recover
