// Ownership given to a role nobody logs in as: an owner can always drop what is its own, so this
// alone takes that right from an application. The application keeps reading and writing, and the
// use of sequences; it loses CREATE, ALTER, DROP, TRUNCATE, VACUUM, setval and REFRESH MATERIALIZED
// VIEW, and so do migrations that log in as it. It guarantees: every statement is shown before and
// has one that takes it back; one transaction with a lock_timeout; nothing is done where the
// application would come under rules that do not hold an owner (row level security). It refuses a
// superuser: no owner can hold one.
#pragma once

#include <string>
#include <vector>

#include "maintain/server_access.hpp"

namespace pgkeel::maintain {

/// The new owner: as the server has it, or made for an earlier database of the same run.
enum class OwnerRole { AsFound, MadeBefore };

struct OwnershipPlan {
  std::string database;
  std::string owner;
  std::string application;
  std::size_t objects = 0;             ///< that change hands; 0: there is nothing to do
  std::vector<std::string> apply;      ///< statements, in order
  std::vector<std::string> take_back;  ///< statements in this database, in order
  /// Of what all databases share: after the `take_back` of every one of the same run.
  std::vector<std::string> take_back_last = {};
  bool makes_owner = false;
};

/// `application` empty: the only role that logs in, owns tables there and is no superuser (Usage
/// when there is none or more than one). Refused for what is not safe, WrongState for a superuser.
runtime::Task<Result<OwnershipPlan>> plan_ownership(const ServerAccess* access,
                                                    std::string database, std::string owner,
                                                    std::string application, OwnerRole role);
/// All or nothing.
runtime::Task<Result<void>> change_ownership(const ServerAccess* access, const OwnershipPlan* plan);

}  // namespace pgkeel::maintain
