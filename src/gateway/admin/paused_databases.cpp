// See paused_databases.hpp.
#include "gateway/admin/paused_databases.hpp"

#include <utility>

#include "gateway/admin/command.hpp"

namespace pgkeel::gateway::admin {

Result<void> PausedDatabases::pause(const std::string& database) {
  if (all_) return fail(already_paused());
  if (database.empty()) all_ = true;
  else by_name_.insert(database);
  return {};
}

Result<void> PausedDatabases::resume(const std::string& database) {
  const bool was = database.empty() ? std::exchange(all_, false) : by_name_.erase(database) > 0;
  if (!was) return fail(not_paused(database));
  return {};
}

}  // namespace pgkeel::gateway::admin
