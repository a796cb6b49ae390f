// The report of an incident for people who were not there: Markdown, loss first. It says what
// happened, what it cost in numbers, why, what was done and checked, what was lost, what would have
// prevented it and what remains for a person to do. Pure: what is known only outside of the journal
// (backups, gaps of the configuration) is handed in.
#pragma once

#include <string>
#include <vector>

#include "incident/model.hpp"

namespace pgkeel::incident {

enum class CheckResult { Passed, Gap, NotKnown };

/// How the house stands when the report is made: a backup's age, a channel that is missing.
struct StandingCheck {
  std::string check;  ///< "backup younger than 24 h"
  CheckResult result = CheckResult::NotKnown;
  std::string note;
  std::string task;  ///< for the follow-ups of a gap; empty: none
};

[[nodiscard]] std::string markdown_report(const Incident& incident,
                                          const std::vector<StandingCheck>& standing = {});

/// Every incident as a line of a table, newest first as handed in, each a link to ID.md.
[[nodiscard]] std::string markdown_index(const std::vector<Incident>& incidents);

}  // namespace pgkeel::incident
