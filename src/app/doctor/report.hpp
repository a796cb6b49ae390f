// An examination as people and scripts read it.
#pragma once

#include <string>

#include "app/doctor/examine.hpp"
#include "app/json_read.hpp"
#include "app/look.hpp"

namespace pgkeel::app {

/// {"verdict":{...},"findings":[...],"excluded":[...],"log":[...],"audit":[...],"health":{...},
/// "sources":[...]}
[[nodiscard]] Json doctor_json(const Examination& examination);
/// One screen from the same object.
[[nodiscard]] std::string render_doctor(const Json& report, const Look& look, WallTime now);

}  // namespace pgkeel::app
