// The tables in which migration tools keep their history: whoever wrote one of them in these
// minutes was migrating, and a table that went in the same minutes was dropped on purpose.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sense/observation.hpp"

namespace pgkeel::sense {

/// "_prisma_migrations", "flyway_schema_history", ..., as the tools name them by default.
[[nodiscard]] bool keeps_migrations(std::string_view table);

/// Those of a listing that may be read.
[[nodiscard]] std::vector<const Relation*> migration_tables(const std::vector<Relation>& relations);

/// The oids of those that somebody holds locked, who would have to be waited for.
[[nodiscard]] std::string locked_among(const std::vector<const Relation*>& tables);
/// What tells whether they were written: an oid, and what differs when it was.
[[nodiscard]] std::string writes_of(const std::vector<const Relation*>& tables);

/// What the last look at them was like.
class MigrationWatch {
 public:
  /// Whether one of them was written, or made, since the last look; never at the first.
  bool look(const std::map<std::string, std::string>& now);

 private:
  std::map<std::string, std::string> seen_;
  bool first_ = true;
};

}  // namespace pgkeel::sense
