// What the guard knew before: the ledger's contents and the policy that bears on diagnosis, as
// plain values. Pure rules compare an Observation against it.
#pragma once

#include <sys/types.h>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "incident/ledger.hpp"

namespace pgkeel::diagnose {

/// What the plan of the server allows.
struct Limits {
  std::optional<std::uint64_t> storage_bytes;
  int connections = 0;  ///< 0: no limit known
  double warn_at = 0.8;
};

/// A table that stayed and lost its rows; remembered until they are back or it was meant.
struct LostRows {
  std::string database;  ///< any name may hold dots: the subject does not tell it
  Oid oid;
  bool truncated = false;  ///< else deleted
  WallTime since;          ///< they were there then
  WallTime at;
  Lsn lsn;  ///< where the WAL was while they were there; invalid where that cannot be known
  Lsn counted_lsn = {};  ///< where it was when they were last counted: a little late it may be
  std::int64_t rows_before = 0;
  std::int64_t rows_after = 0;
};

/// A guard that ended without being told to.
struct Predecessor {
  pid_t pid = 0;
  WallTime started;
  WallTime last_seen;  ///< its last sign of life
  WallTime until;      ///< when another one watched again; now, while none does
  bool still = false;  ///< nobody watches
};

struct Known {
  std::optional<incident::Identity> identity;
  std::string image;  ///< of the container it served in last: "postgres:15"
  std::string owner;  ///< of its data directory while it served: "104:106"
  std::vector<incident::KnownDatabase> databases;
  std::map<std::string, std::vector<incident::KnownRelation>> relations;  ///< by database
  std::map<std::string, LostRows> lost_rows;  ///< by "database.schema.table"
  std::set<std::string> may_lose_rows;        ///< of these it was said that it was meant
  std::optional<Predecessor> predecessor;
  std::vector<std::string> required_databases;
  std::vector<std::string> required_tables;  ///< "database.schema.table"
  Limits limits;
  std::set<std::string> open_subjects;  ///< of unfinished incidents, those under watch included
  bool keeps_archive = true;            ///< else a slot of pgkeel's own is nobody's any more
  int confirm = 2;                      ///< agreeing results before a failed login means anything
  Seconds hung_after{60};               ///< silence before a hung server may be acted on
  Seconds idle_in_transaction{300};     ///< so long it may last while others wait for it
  /// What mends itself sooner is no finding: a slot's reader, the archiver. 0 for a single look
  /// round, which cannot wait for it.
  Seconds lasting{0};
};

}  // namespace pgkeel::diagnose
