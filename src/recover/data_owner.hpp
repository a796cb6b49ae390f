// Whose the data directory was while its server ran, as the bookkeeper keeps it in the ledger: what
// the files are given back to, and as whom a copy is made when the directory itself is gone.
#pragma once

#include <string_view>

#include "incident/ledger.hpp"
#include "instance/ownership.hpp"

namespace pgkeel::recover {

inline constexpr std::string_view kOwnerFact = "data_dir_owner";  ///< "UID:GID"

/// NotFound: no guard has seen a server in it yet. Never root: PostgreSQL does not run as root.
[[nodiscard]] Result<instance::Owner> known_data_owner(const incident::Ledger& ledger);

}  // namespace pgkeel::recover
