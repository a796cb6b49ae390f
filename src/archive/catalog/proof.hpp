// What was proven of a backup, and what keeps it: proof-TIME-KIND.json and pin.json beside its
// record.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/storage/store.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

struct Proof {
  enum class Kind {
    Verify,  ///< everything was read again and compared
    Drill,   ///< it was restored and the server answered
  } kind = Kind::Verify;
  WallTime at;
  bool holds = false;
  std::string failure;                       ///< when it does not hold
  std::vector<std::string> checked;          ///< "12 tables, 40,021 rows", "page checksums"
  Millis copy_took{};                        ///< drill: restoring the files
  Millis replay_took{};                      ///< drill: replaying the WAL
  Lsn lsn;                                   ///< drill: up to where was replayed
  std::map<std::string, std::int64_t> rows;  ///< drill: by "database.schema.table"
};
[[nodiscard]] std::string_view to_string(Proof::Kind kind);

[[nodiscard]] std::string to_json(const Proof& proof);
[[nodiscard]] Result<Proof> parse_proof(std::string_view json);

/// Beside the backup, under the proof's own time.
Result<void> write_proof(Store& store, std::string_view label, const Proof& proof);

/// What stands beside a backup's record.
struct Standing {
  std::vector<Proof> proofs;  ///< oldest first; a damaged one is left out
  bool pinned = false;
  [[nodiscard]] const Proof* last(Proof::Kind kind) const;
  /// Its newest drill held: nothing else makes a backup green.
  [[nodiscard]] bool proven() const;
};
[[nodiscard]] Result<Standing> read_standing(Store& store, std::string_view label);

Result<void> pin(Store& store, std::string_view label, WallTime now);
Result<void> unpin(Store& store, std::string_view label);

}  // namespace pgkeel::archive
