// What interrupted backups leave in a store: shards and a manifest below a label that has no
// backup.json, which is written last and removed first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "archive/storage/store.hpp"

namespace pgkeel::archive {

/// Labels without a backup.json whose youngest object is older than `age` at `now`: nobody works on
/// them any more.
[[nodiscard]] Result<std::vector<std::string>> incomplete_backups(Store& store, Millis age,
                                                                  WallTime now);

/// Removes everything of that label. Refused when it has a backup.json.
Result<void> remove_incomplete_backup(Store& store, std::string_view label);

}  // namespace pgkeel::archive
