// The questions somebody asks at night when the database was gone, answered from what is observed
// and what is on record. Pure; an answer that cannot be given says so, never "no".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "diagnose/history.hpp"
#include "diagnose/rules.hpp"

namespace pgkeel::diagnose {

struct Answer {
  enum class Kind { Fine, Notable, Unknown };
  std::string_view name;      ///< stable: "restarted"
  std::string_view question;  ///< "Was it restarted?"
  Kind kind = Kind::Unknown;
  std::string text;
};

[[nodiscard]] std::string_view to_string(Answer::Kind kind);

/// All of them, in the order they are asked.
[[nodiscard]] std::vector<Answer> audit(const Case& the_case, const History& history);

}  // namespace pgkeel::diagnose
