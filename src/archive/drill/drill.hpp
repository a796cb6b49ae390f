// The proof that a backup restores: from the store into a scratch directory, replayed in a server
// nobody can reach, asked about its data, measured, removed.
// It guarantees: the running server's files are not touched, its disk is not filled (the room is
// asked for first), and nothing is removed that this or an earlier drill did not make.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "archive/catalog/proof.hpp"
#include "archive/restore/restore.hpp"

namespace pgkeel::archive {

/// A question to the restored data. `objection` is handed whether there was a row and the first
/// value of it, and says why that is not as it should be.
struct DrillQuestion {
  std::string database;
  std::string sql;
  std::function<std::optional<std::string>(bool, const std::optional<std::string>&)> objection;
};

struct DrillRequest {
  RestoreRequest restore;         ///< `into` is set by the drill
  std::filesystem::path scratch;  ///< a directory of the drills' own; made when absent
  std::vector<DrillQuestion> questions;
};

/// A proof, holding or not; an error is what kept the drill from being tried at all (no room, a
/// scratch directory that is not ours, Cancelled).
[[nodiscard]] Result<Proof> drill(const DrillRequest& request);

}  // namespace pgkeel::archive
