// What the rules of lost rows share: a table that stayed and whose rows went. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "diagnose/rules.hpp"

namespace pgkeel::diagnose {

enum class RowsWent { Truncated, Deleted };

/// Of tables that are still there, or of which it is not known yet; by subject.
[[nodiscard]] std::vector<std::pair<std::string, LostRows>> lost_rows(const Case& the_case,
                                                                      RowsWent how);

/// Cause, subject, times and rows; the rule adds its words.
[[nodiscard]] Finding finding_of(const Case& the_case, Cause cause, const std::string& subject,
                                 const LostRows& lost);

/// What a human is asked, with the commands that answer it.
[[nodiscard]] std::string question_of_lost_rows(const Case& the_case, const std::string& subject);

}  // namespace pgkeel::diagnose
