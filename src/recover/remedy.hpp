// Which playbook answers which cause. The table is the whole policy of "what is repaired and how";
// docs/reference/recovery.md is made from it.
#pragma once

#include <span>
#include <string_view>

#include "diagnose/finding.hpp"
#include "recover/policy.hpp"
#include "sense/observation.hpp"

namespace pgkeel::recover {

enum class Grade {
  Automatic,  ///< safe by itself
  Guarded,    ///< only when its guard holds; the step checks it
  Human,      ///< named, never acted on
};

struct Remedy {
  diagnose::Cause cause;
  Grade grade;
  std::string_view playbook;   ///< empty for Human
  bool starts_server;          ///< counts against the restart budget
  std::string_view waits_for;  ///< what a human, or time, must bring where nothing is done
};

[[nodiscard]] std::span<const Remedy> remedy_table();

/// The remedy under this policy and in this situation: a hung server that is merely stopped is
/// continued; a dropped table is re-created empty only where the policy says so; what lacks a right
/// or a reach (capability.hpp) is left to a human, with that reason.
[[nodiscard]] Remedy remedy_for(const diagnose::Finding& finding, const sense::Observation& seen,
                                const Policy& policy);

}  // namespace pgkeel::recover
