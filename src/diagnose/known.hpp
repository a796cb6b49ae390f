// What the guard knew before: the ledger's contents and the policy that bears on diagnosis, as
// plain values. Pure rules compare an Observation against it.
#pragma once

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

struct Known {
  std::optional<incident::Identity> identity;
  std::string image;  ///< of the container it served in last: "postgres:15"
  std::string owner;  ///< of its data directory while it served: "104:106"
  std::vector<incident::KnownDatabase> databases;
  std::map<std::string, std::vector<incident::KnownRelation>> relations;  ///< by database
  std::vector<std::string> required_databases;
  std::vector<std::string> required_tables;  ///< "database.schema.table"
  Limits limits;
  std::set<std::string> open_subjects;  ///< of unfinished incidents, those under watch included
  int confirm = 2;                      ///< agreeing results before a failed login means anything
  Seconds hung_after{60};               ///< silence before a hung server may be acted on
  Seconds idle_in_transaction{300};     ///< so long it may last while others wait for it
  /// What mends itself sooner is no finding: a slot's reader, the archiver. 0 for a single look
  /// round, which cannot wait for it.
  Seconds lasting{0};
};

}  // namespace pgkeel::diagnose
