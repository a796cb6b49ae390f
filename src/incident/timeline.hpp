// An incident as one story in the order of time: evidence, steps, checks and events merged into
// moments, each with its distance from the failure; and that story as text for a terminal, for
// people who see pgkeel for the first time. Pure; red is kept for lost data.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "incident/model.hpp"

namespace pgkeel::incident {

enum class MomentKind { Failed, Seen, Noticed, Acted, Checked, Noted, Restored, Closed };
/// "failed", "seen", "noticed", "acted", "checked", "note", "back", "closed".
[[nodiscard]] std::string_view to_string(MomentKind kind);

enum class Tone { Neutral, Good, Bad };

struct Moment {
  WallTime at;
  MomentKind kind = MomentKind::Noted;
  Tone tone = Tone::Neutral;
  std::string text;  ///< one line
};

/// When the failure happened, as far as it is known: `detected` before the guard knew.
[[nodiscard]] WallTime failed_at(const Incident& incident);
/// In the order of time.
[[nodiscard]] std::vector<Moment> moments_of(const Incident& incident);

/// "+12 ms", "+3.2 s", "+10 min", "-8 ms".
[[nodiscard]] std::string relative_time(Millis since);
/// "start_server" -> "start server".
[[nodiscard]] std::string in_words(std::string_view name);
/// "done in 212 ms", "FAILED after 5.0 s", "not done, only advised" ...
[[nodiscard]] std::string outcome_in_words(const Action& action);

/// True when something is known to be gone.
[[nodiscard]] bool lost_something(const Incident& incident);
/// One sentence; begins with "DATA LOSS" when something is gone.
[[nodiscard]] std::string loss_in_words(const Incident& incident);
/// "Noticed 12 ms after the failure; service was back 240 ms later."
[[nodiscard]] std::string speed_in_words(const Incident& incident);

enum class Colour { Plain, Ansi };
struct Style {
  Colour colour = Colour::Plain;
  std::size_t width = 80;
};
/// Heading, loss, moments, and how it ended; ends with a newline.
[[nodiscard]] std::string render_timeline(const Incident& incident, const Style& style);

}  // namespace pgkeel::incident
