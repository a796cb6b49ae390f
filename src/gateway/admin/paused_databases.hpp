// Which databases are paused, in PgBouncer's meaning: all of them, or some by name. The two are
// said and taken back apart: RESUME leaves a database paused that was paused by its name. Pure.
#pragma once

#include <set>
#include <string>

#include "base/result.hpp"

namespace pgkeel::gateway::admin {

class PausedDatabases {
 public:
  /// `database`: empty for all, those included that nobody has asked for yet; one that is paused
  /// may be paused again. WrongState: all are paused already.
  [[nodiscard]] Result<void> pause(const std::string& database);
  /// WrongState: it is not what was paused.
  [[nodiscard]] Result<void> resume(const std::string& database);

  [[nodiscard]] bool any() const { return all_ || !by_name_.empty(); }
  [[nodiscard]] bool has(const std::string& database) const {
    return all_ || (!by_name_.empty() && by_name_.contains(database));
  }
  [[nodiscard]] bool all() const { return all_; }
  [[nodiscard]] const std::set<std::string>& by_name() const { return by_name_; }

 private:
  bool all_ = false;
  std::set<std::string> by_name_;
};

}  // namespace pgkeel::gateway::admin
