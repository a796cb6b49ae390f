// A dropped table or database brought back into the live server with its rows: the newest backup
// before the moment is restored beside it, replayed in a server nobody can reach, the object copied
// over, the copy removed.
// It guarantees: nothing that exists is overwritten; a table comes back whole in one transaction, a
// database under another name that becomes its own when complete; what was read is counted again
// where it was written. Run again after it was killed, it finishes or finds its work done.
// It refuses to run without the lock of its job (see the caller), and to restore over a name in
// use.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "archive/restore/restore.hpp"
#include "archive/undrop/psql.hpp"

namespace pgkeel::archive {

/// A table, or with an empty `table` a database.
struct UndropSubject {
  std::string database;
  std::string schema;
  std::string table;
  [[nodiscard]] bool is_database() const { return table.empty(); }
  [[nodiscard]] std::string describe() const;
};

/// A server that stands at the moment and is only read.
struct StandingCopy {
  std::string conninfo;
  std::optional<runtime::Account> account;
  Lsn lsn;  ///< it has replayed nothing behind it
};

struct UndropRequest {
  RestoreRequest restore;  ///< `into` is set by us; `target` is the moment
  /// Instead of a restore. It takes no other name than its own.
  std::optional<StandingCopy> standing = {};
  std::filesystem::path scratch;  ///< as a drill's
  UndropSubject subject;
  UndropSubject as;  ///< under this name instead; the database stays
  /// What to do with a table that exists: Merge adds the rows it lacks (merge.hpp).
  enum class Existing { Refuse, Merge } existing = Existing::Refuse;
  ClientSide live;                           ///< `conninfo` to the maintenance database
  std::filesystem::path live_data_dir = {};  ///< to ask for room; empty: not within reach
  std::function<void(std::string_view)> tell = {};
};

struct UndroppedRelation {
  std::string name;  ///< "public.orders"
  std::int64_t rows = 0;
};

/// What became of the copy's rows.
struct Merged {
  std::int64_t added = 0;
  std::int64_t kept = 0;       ///< their keys were there: the live rows stay as they are
  std::int64_t differing = 0;  ///< of those, how many are not as they were in the copy
};

struct Undropped {
  std::string name;
  std::int64_t rows = 0;
  std::vector<UndroppedRelation> relations;
  std::optional<Merged> merged = {};  ///< into what exists; else it was brought back whole
  std::vector<std::string> notes;     ///< what could not be brought back with it
  std::string backup;
  bool from_shadow = false;  ///< read from a standing copy, or restore.bring_copy had one: no
                             ///< backup was laid out
  Lsn lsn;                   ///< of the copy
  bool earlier = false;      ///< an undrop that was killed had done it
  bool exact = false;  ///< as it was right before it was destroyed; else maybe some time before
};

/// What a restore for it would start from; changes nothing. The errors of undrop() but for those
/// that only the copy can tell.
Result<RestorePlan> plan_undrop(const UndropRequest& request);

[[nodiscard]] nlohmann::json to_json(const Undropped& done);

/// Refused: the name is in use, by something no undrop made; NotFound: no such object at that
/// moment, no backup before it.
Result<Undropped> undrop(const UndropRequest& request);

}  // namespace pgkeel::archive
