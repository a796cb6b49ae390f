// Keeps what the container engine did to the server's container and volume, in the ring of probes:
// engines forget their events within hours, and after a restart. No polling: it is woken when the
// senses have something new, and writes only what concerns this server.
#pragma once

#include "incident/journal.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

inline constexpr std::string_view kEngineProbe = "engine";
/// Older ones are not shown any more; the ring keeps a thousand.
inline constexpr Seconds kEngineEventsShown{7 * 86'400};

/// From when on the engine is asked for what happened while no guard listened: from the last one
/// kept, and for a day at most.
[[nodiscard]] WallTime engine_events_missed_since(const incident::Journal& journal, WallTime now);

/// Runs for as long as the loop; for servers in containers.
runtime::Task<void> keep_engine_events(runtime::Loop* loop, sense::Senses* senses,
                                       incident::Journal* journal);

}  // namespace pgkeel::app
