// One data directory put into the place of another: what stands in the place is moved aside and
// kept, the new one is moved in. A directory is renamed whole; a mount point cannot be, so its
// entries are renamed one by one into a directory on the same file system.
// It guarantees: only renames, each on disk before the next; nothing is copied, replaced or
// deleted; the control file's directory leaves first and arrives last, so that no server starts in
// between. Each half may be repeated after it was interrupted; which half it was, the caller
// remembers.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::instance {

enum class SwapManner {
  Whole,    ///< the directory is renamed
  Entries,  ///< it is a mount point: what is in it is renamed
};

struct Swap {
  std::filesystem::path place;     ///< the data directory
  std::filesystem::path incoming;  ///< the complete new one, on the same file system
  std::filesystem::path aside;     ///< where what stands in the place goes
  SwapManner manner = SwapManner::Whole;
};

/// How `place` can be changed; a place that does not exist is made whole.
[[nodiscard]] Result<SwapManner> swap_manner(const std::filesystem::path& place);

/// What `name` is called near `place` and on its file system: PLACE.pgkeel-NAME beside it, or
/// PLACE/pgkeel-NAME in a mount point.
[[nodiscard]] std::filesystem::path near_place(const std::filesystem::path& place,
                                               SwapManner manner, std::string_view name);

/// Whether an entry of a mount point belongs to no cluster: lost+found, and what near_place()
/// names.
[[nodiscard]] bool stays_in_place(std::string_view name);

/// Everything in the place goes to `aside`; nothing happens when nothing is there. In a mount point
/// what stays_in_place() stays.
Result<void> set_aside(const Swap& swap);

/// `incoming` becomes the place, with the access mode of what was there. Done when it is gone and
/// the place is there. Refused when something stands in the way.
Result<void> bring_in(const Swap& swap);

}  // namespace pgkeel::instance
