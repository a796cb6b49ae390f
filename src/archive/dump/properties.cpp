// See properties.hpp.
#include "archive/dump/properties.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pg/sql_text.hpp"

namespace pgkeel::archive {
namespace {

using Session = client::ReplicationSession;

constexpr const char* kItself =
    "select pg_get_userbyid(datdba), coalesce(shobj_description(oid, 'pg_database'), ''), datacl "
    "is "
    "not null from pg_database where datname = current_database()";
constexpr const char* kSettings =
    "select coalesce(r.rolname, ''), split_part(c, '=', 1), substr(c, strpos(c, '=') + 1) "
    "from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) c "
    "where s.setdatabase = (select oid from pg_database where datname = current_database()) "
    "order by 1, 2";
constexpr const char* kGrants =
    "select coalesce(r.rolname, ''), a.privilege_type, a.is_grantable from pg_database d, "
    "aclexplode(d.datacl) a left join pg_roles r on r.oid = a.grantee "
    "where d.datname = current_database() order by 1, 2";
// The record lies beside the dump, unsealed: only these are ever put into a statement.
constexpr std::array<std::string_view, 3> kPrivileges{"CREATE", "CONNECT", "TEMPORARY"};

std::string cell(const client::TextRows& rows, std::size_t row, std::size_t column) {
  return rows.rows.at(row).at(column).value_or("");
}

Result<void> apply_setting(Session& session, const std::string& database,
                           const DatabaseSetting& setting) {
  TRY(name, pg::quote_identifier(setting.name));
  TRY(name_text, pg::quote_literal(setting.name));
  TRY(value, pg::quote_literal(setting.value));
  std::string whose;
  if (!setting.role.empty()) {
    TRY(role, pg::quote_identifier(setting.role));
    whose = fmt::format("role {} in ", role);
  }
  // The value is as the server keeps it, lists included: only set_config() takes that.
  TRY_VOID(session.run("begin"));
  auto done = session.run(fmt::format("select set_config({}, {}, true)", name_text, value));
  if (done)
    done =
        session.run(fmt::format("alter {}database {} set {} from current", whose, database, name));
  TRY_VOID(session.run(done ? "commit" : "rollback"));
  if (!done) return fail(std::move(done).error().with_context("set " + setting.name));
  return {};
}

Result<void> apply_grants(Session& session, const std::string& database,
                          const std::vector<DatabaseGrant>& grants) {
  TRY_VOID(session.run(fmt::format("revoke all on database {} from public", database)));
  for (const auto& grant : grants) {
    if (std::ranges::find(kPrivileges, grant.privilege) == kPrivileges.end())
      return fail(ErrorCode::Malformed, "there is no privilege " + grant.privilege);
    std::string grantee = "public";
    if (!grant.grantee.empty()) {
      TRY(quoted, pg::quote_identifier(grant.grantee));
      grantee = quoted;
    }
    TRY_VOID(session.run(fmt::format("grant {} on database {} to {}{}", grant.privilege, database,
                                     grantee, grant.grantable ? " with grant option" : "")));
  }
  return {};
}

}  // namespace

Result<DatabaseProperties> read_properties(Session& session) {
  DatabaseProperties properties;
  TRY(itself, session.run(kItself));
  if (itself.rows.empty()) return fail(ErrorCode::Malformed, "the database is not in pg_database");
  properties.owner = cell(itself, 0, 0);
  properties.comment = cell(itself, 0, 1);
  properties.rights_given = cell(itself, 0, 2) == "t";
  TRY(settings, session.run(kSettings));
  for (std::size_t i = 0; i < settings.rows.size(); ++i)
    properties.settings.push_back(
        {cell(settings, i, 0), cell(settings, i, 1), cell(settings, i, 2)});
  TRY(grants, session.run(kGrants));
  for (std::size_t i = 0; i < grants.rows.size(); ++i)
    properties.grants.push_back(
        {cell(grants, i, 0), cell(grants, i, 1), cell(grants, i, 2) == "t"});
  return properties;
}

Result<void> apply_properties(Session& session, const std::string& database,
                              const DatabaseProperties& properties) {
  TRY(name, pg::quote_identifier(database));
  TRY(owner, pg::quote_identifier(properties.owner));
  TRY_VOID(session.run(fmt::format("alter database {} owner to {}", name, owner)));
  for (const auto& setting : properties.settings) TRY_VOID(apply_setting(session, name, setting));
  if (properties.rights_given) TRY_VOID(apply_grants(session, name, properties.grants));
  return {};
}

}  // namespace pgkeel::archive
