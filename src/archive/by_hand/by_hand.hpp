// What lies in every store for somebody without pgkeel: README.txt and restore-by-hand.sh, which
// are the files of that name in this folder.
#pragma once

#include <string_view>

#include "archive/storage/store.hpp"

namespace pgkeel::archive {

inline constexpr const char* kReadmeKey = "README.txt";
inline constexpr const char* kScriptKey = "restore-by-hand.sh";

[[nodiscard]] std::string_view by_hand_readme();
[[nodiscard]] std::string_view by_hand_script();

/// Puts both into the store, over older ones. Done when an archive is made, and again by a newer
/// pgkeel; writes nothing when they are there as they should be.
Result<void> write_by_hand(Store& store);

}  // namespace pgkeel::archive
