// pgkeel doctor and incident replay over a stage, and what they said.
#pragma once

#include "app/json_read.hpp"
#include "chaos/chaos.hpp"

namespace pgkeel::chaos {

struct Doctor {
  app::Json report;  ///< null when it printed none
  int exit_code = -1;
  std::string errors;  ///< stderr
};
[[nodiscard]] Doctor ask_doctor(app::Stage& stage);

/// Among its findings, or the first of them.
enum class Named { First, Somewhere };
[[nodiscard]] testing::AssertionResult doctor_names(app::Stage& stage, std::string_view cause,
                                                    Named where = Named::First);

/// What was kept when the cause was named names it again, by `pgkeel incident replay`.
[[nodiscard]] testing::AssertionResult replays(app::Stage& stage, std::string_view cause);

}  // namespace pgkeel::chaos
