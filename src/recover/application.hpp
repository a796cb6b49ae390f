// The application's role and database, made on the first start (features B5): what is wanted, what
// is there, what would be done and in which words. Pure.
// It guarantees: what exists is never changed, whoever made it; each step is one transaction or one
// statement, so a guard killed anywhere leaves nothing half made; the password is only ever seen as
// its SCRAM verifier.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::recover {

struct ApplicationWish {
  std::string database;
  std::string role;
  int connections = 0;  ///< 0: four fifths of those the server gives to ordinary roles
  Millis statement_timeout{0};
  Millis lock_timeout{0};
  Millis idle_in_transaction_timeout{0};
};

/// What the server has, as the guard's own role sees it.
struct ApplicationFacts {
  std::optional<bool> role_is_superuser;      ///< none: there is no such role
  std::optional<std::string> database_owner;  ///< none: there is no such database
  bool superuser = false;                     ///< we are; so for the next two
  bool creates_roles = false;
  bool creates_databases = false;
  int connections_max = 0;  ///< those a role without privileges can have
};

/// What came of a step: nothing yet; announced in the ledger; made by us; there before us.
enum class Making { Not, Intended, Made, Found };

/// What the ledger keeps, so that it is done once: what is dropped later stays dropped.
struct ApplicationRecord {
  std::string system_id;
  std::string database;
  std::string role;
  Making role_made = Making::Not;
  Making database_made = Making::Not;
  std::optional<WallTime> done_at;

  /// Whether it is of this cluster and of these names.
  [[nodiscard]] bool is_of(std::string_view cluster, const ApplicationWish& wish) const {
    return system_id == cluster && database == wish.database && role == wish.role;
  }
};
[[nodiscard]] std::string to_json(const ApplicationRecord& record);
/// Nothing for an empty or unreadable fact.
[[nodiscard]] std::optional<ApplicationRecord> parse_application_record(std::string_view text);

/// One object and what is, or would be, done about it; the last ones are the role's settings.
struct ApplicationItem {
  std::string what;   ///< "role shop_app", "statement_timeout"
  std::string state;  ///< "made", "will be made, with at most 77 connections", "10m"
};

/// Settings of the role alone, so that nobody else's sessions change. Values as for the server.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> role_settings(
    const ApplicationWish& wish);
[[nodiscard]] int connection_limit(const ApplicationWish& wish, const ApplicationFacts& facts);

/// ConfigBadValue for a name the server would cut.
[[nodiscard]] Result<void> check_names(const ApplicationWish& wish);
/// Permission, with what to grant, when our role may not make what is missing.
[[nodiscard]] Result<void> check_rights(const ApplicationWish& wish, const ApplicationFacts& facts);
/// One implicit transaction: the role with its limit, verifier and settings.
[[nodiscard]] Result<std::string> create_role_sql(const ApplicationWish& wish,
                                                  const ApplicationFacts& facts,
                                                  std::string_view verifier);
[[nodiscard]] Result<std::string> create_database_sql(const ApplicationWish& wish);

/// For people: both objects and every setting, made or to be made.
[[nodiscard]] std::vector<ApplicationItem> describe(const ApplicationWish& wish,
                                                    const ApplicationFacts& facts,
                                                    const ApplicationRecord& record);

}  // namespace pgkeel::recover
