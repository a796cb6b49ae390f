// How the events begin that mean something to those who read them back: timeline, report, alerts.
// Whoever journals such an event uses these words, so that both sides cannot drift apart.
#pragma once

#include <string_view>

namespace pgkeel::incident {

inline constexpr std::string_view kRestoredEvent = "service restored";
inline constexpr std::string_view kOverEvent = "over after";  ///< nobody had been interrupted
inline constexpr std::string_view kProtectedEvent = "commits are protected again";
inline constexpr std::string_view kAlternativeEvent = "it could also be ";
inline constexpr std::string_view kExcludedEvent = "excluded: ";  ///< "CAUSE, because ..."
inline constexpr std::string_view kClosedEvent = "closed: ";
inline constexpr std::string_view kAckedEvent = "acknowledged by ";

}  // namespace pgkeel::incident
