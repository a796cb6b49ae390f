// Notes how large the databases are together, and how much of their disks is used, now and then, in
// the ring of probes: from that doctor and the guard know how fast they grow. Costs nothing: the
// senses have the figures anyway.
#pragma once

#include "incident/journal.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

inline constexpr std::string_view kSizeProbe = "size";
/// The ring keeps a thousand: six weeks.
inline constexpr Seconds kSizeEvery{3600};

/// Runs for as long as the loop.
runtime::Task<void> keep_sizes(runtime::Loop* loop, const sense::Senses* senses,
                               incident::Journal* journal);

}  // namespace pgkeel::app
