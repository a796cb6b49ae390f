// How well a running server is, as a part of an examination: looks, and shows what diagnosis makes
// of it. amcheck only where it was asked for.
#pragma once

#include <optional>
#include <vector>

#include "app/json_read.hpp"
#include "app/look.hpp"
#include "app/render.hpp"
#include "diagnose/health.hpp"
#include "diagnose/warning.hpp"
#include "sense/amcheck_look.hpp"
#include "sense/options.hpp"

namespace pgkeel::app {

struct HealthExamination {
  sense::HealthFacts facts;
  std::vector<diagnose::SizeSample> sizes;  ///< what the guard noted
  std::optional<sense::AmcheckFacts> amcheck;
  std::vector<diagnose::Warning> certificate;  ///< of the server's own, where it ends soon
  std::vector<diagnose::HealthLine> room;      ///< of disks that are, or soon will be, full
  std::vector<diagnose::HealthLine> lines;     ///< the gravest first
};

inline constexpr Millis kHealthMost{4'000};

[[nodiscard]] sense::HealthFacts look_at_health(runtime::Loop& loop, const sense::Options& options);
/// Of every database the look at health found; tells on stderr how far it is.
[[nodiscard]] sense::AmcheckFacts check_with_amcheck(runtime::Loop& loop,
                                                     const sense::Options& options,
                                                     const sense::HealthFacts& health, Millis most);
/// Fills in the lines.
void judge_health(HealthExamination& health, const sense::Observation& seen, WallTime now);

/// {"seen":...,"lines":[...],"unseen":[...], ...}: null when the server could not be asked.
[[nodiscard]] Json health_json(const HealthExamination& health);
void show_health(Sheet& sheet, const Json& report, const Look& look);

}  // namespace pgkeel::app
