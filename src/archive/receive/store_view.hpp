// What the store already has of the WAL: how far it goes, and which bytes a name stands for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/receive/start_point.hpp"
#include "archive/storage/store.hpp"
#include "base/result.hpp"

namespace pgkeel::archive {

/// Behind the newest whole segment, by timeline and position; none: no WAL at all. Lists all of it:
/// for the start of a receiver that has no spool.
[[nodiscard]] Result<std::optional<StreamStart>> end_of_store(Store& store,
                                                              std::uint64_t segment_bytes);

enum class InStore { Absent, Same };
/// Whether `name` (a segment or a history) is below `prefix` already. Refused when it is there with
/// other bytes: two servers, or one that went back in time, write to this store.
[[nodiscard]] Result<InStore> look_up(Store& store, const std::string& prefix,
                                      std::string_view name, std::string_view sha256);

}  // namespace pgkeel::archive
