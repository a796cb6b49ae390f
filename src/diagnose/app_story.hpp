// What applications' logs tell about the database, as a few stories: of one kind and one incident
// together. What happened while an incident was open is that incident's; only the rest asks for an
// explanation. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "incident/model.hpp"
#include "sense/app_log.hpp"
#include "sense/log_history.hpp"

namespace pgkeel::diagnose {

struct AppStory {
  std::string path;
  sense::AppTrouble trouble = sense::AppTrouble::Refused;
  int times = 0;
  std::optional<WallTime> first;
  std::optional<WallTime> last;
  std::string text;      ///< the first line of it
  std::string incident;  ///< the id of the incident of the same time; empty: none
  std::string sentence;  ///< what it means
};

/// An application may notice before the guard does, and goes on for a moment afterwards.
inline constexpr Seconds kAppBefore{30};
inline constexpr Seconds kAppAfter{60};

/// Those no incident explains first, then by their last time, the newest first.
[[nodiscard]] std::vector<AppStory> tell_app(std::span<const sense::AppLog> logs,
                                             const std::vector<incident::Incident>& incidents,
                                             const sense::LogHistory& server);

}  // namespace pgkeel::diagnose
