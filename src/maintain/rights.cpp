// The sentences. One function a question.
#include "maintain/rights.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "pg/sql_text.hpp"

namespace pgkeel::maintain {
namespace {

using Weight = Verdict::Weight;

constexpr std::size_t kNamesShown = 60;  // of application names

std::string quoted_name(std::string_view name) { return pg::quote_identifier(name).value_or("?"); }

std::string shortened(std::string text) {
  if (text.size() > kNamesShown) text = text.substr(0, kNamesShown) + "...";
  return text;
}

std::string counted(std::int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// "role app, which your application logs in as (3 sessions: node),"
std::string named(const LoginRole& role, std::string_view application_role) {
  const auto seen = counted(role.sessions, "session", "sessions");
  if (role.sessions > 0)
    return fmt::format("role {}, which your application logs in as ({}{}),", role.name, seen,
                       role.applications.empty() ? "" : ": " + shortened(role.applications));
  if (role.name == application_role)
    return fmt::format("role {}, which is configured as your application's,", role.name);
  return fmt::format("role {} (nobody is logged in as it now)", role.name);
}

bool is_application(const LoginRole& role, std::string_view application_role) {
  return role.sessions > 0 || role.name == application_role;
}

std::string what_it_drops(std::int64_t count, std::int64_t of, std::string_view database) {
  if (count == of && of > 1) return fmt::format("all {} tables of {}", of, database);
  if (count == of) return fmt::format("the only table of {}", database);
  return fmt::format("{} of the {} tables of {}", count, of, database);
}

void judge_role(const LoginRole& role, std::string_view application_role,
                std::vector<Verdict>& out) {
  const bool application = is_application(role, application_role);
  const auto name = named(role, application_role);
  if (role.superuser && application)
    out.push_back({Weight::Danger, "", role.name,
                   fmt::format("The {} is a superuser: it can drop everything, every database "
                               "and every role, and read every file of the server.",
                               name),
                   role.bootstrap
                       ? "CREATE ROLE application LOGIN; grant it what it reads and writes, and "
                         "let the application log in as it"
                       : fmt::format("ALTER ROLE {} NOSUPERUSER", quoted_name(role.name))});
  else if (role.superuser && !role.bootstrap)
    out.push_back({Weight::Note, "", role.name,
                   fmt::format("The {} is a superuser besides the server's own.", name),
                   fmt::format("ALTER ROLE {} NOSUPERUSER", quoted_name(role.name))});
  if (role.superuser) return;
  const auto note = [&](bool has, std::string_view can, std::string_view option) {
    if (has)
      out.push_back({Weight::Note, "", role.name, fmt::format("The {} {}.", name, can),
                     fmt::format("ALTER ROLE {} {}", quoted_name(role.name), option)});
  };
  note(role.createdb, "may create databases, and drop those it made", "NOCREATEDB");
  note(role.createrole, "may make roles and give them rights", "NOCREATEROLE");
  note(role.bypassrls, "is not held by row level security", "NOBYPASSRLS");
}

std::string reason_of(const RoleReach& reach) {
  if (!reach.through.empty())
    return fmt::format("it is, or is a member of, their owner ({})", reach.through);
  return "it owns them";
}

void judge_reach(const RoleReach& reach, const LoginRole& role, const DatabaseRights& rights,
                 std::string_view application_role, std::vector<Verdict>& out) {
  const auto weight = is_application(role, application_role) ? Weight::Danger : Weight::Note;
  const auto name = named(role, application_role);
  if (reach.tables > 0)
    out.push_back(
        {weight, rights.database, role.name,
         fmt::format("The {} can drop {}: {}.", name,
                     what_it_drops(reach.tables, rights.tables, rights.database), reason_of(reach)),
         "pgkeel protect --ownership OWNER"});
  if (reach.owns_database)
    out.push_back({weight, rights.database, role.name,
                   fmt::format("The {} owns database {} and can drop it; no event trigger sees "
                               "that.",
                               name, rights.database),
                   "pgkeel protect --ownership OWNER"});
  if (reach.truncates > 0)
    out.push_back(
        {Weight::Note, rights.database, role.name,
         fmt::format("The {} may empty {} of {} by TRUNCATE, which no event trigger sees.", name,
                     counted(reach.truncates, "table", "tables"), rights.database),
         fmt::format("REVOKE TRUNCATE ON ALL TABLES IN SCHEMA public FROM {}",
                     quoted_name(role.name))});
}

void judge_database(const DatabaseRights& rights, std::vector<Verdict>& out) {
  if (rights.public_creates)
    out.push_back({Weight::Note, rights.database, "",
                   fmt::format("Every role may create tables in schema public of {} (the default "
                               "until PostgreSQL 14), and owns what it creates.",
                               rights.database),
                   "REVOKE CREATE ON SCHEMA public FROM PUBLIC"});
  if (rights.public_connects)
    out.push_back({Weight::Note, rights.database, "",
                   fmt::format("Every role may connect to {}.", rights.database),
                   fmt::format("GRANT CONNECT ON DATABASE {0} TO the application's role, then "
                               "REVOKE CONNECT ON DATABASE {0} FROM PUBLIC",
                               quoted_name(rights.database))});
  if (rights.default_acls > 0)
    out.push_back(
        {Weight::Note, rights.database, "",
         fmt::format("{} has {}: tables made from now on give rights by them.", rights.database,
                     counted(rights.default_acls, "rule of default privileges",
                             "rules of default privileges")),
         "psql: \\ddp shows them"});
}

}  // namespace

std::string_view to_string(Weight weight) { return weight == Weight::Danger ? "danger" : "note"; }

std::vector<Verdict> judge(const Rights& rights, std::string_view application_role) {
  std::vector<Verdict> verdicts;
  for (const auto& role : rights.roles) judge_role(role, application_role, verdicts);
  for (const auto& database : rights.databases) {
    for (const auto& reach : database.roles) {
      const auto role = std::ranges::find(rights.roles, reach.role, &LoginRole::name);
      if (role != rights.roles.end())
        judge_reach(reach, *role, database, application_role, verdicts);
    }
    judge_database(database, verdicts);
  }
  std::vector<Verdict> sorted;
  for (const auto weight : {Weight::Danger, Weight::Note})
    for (auto& one : verdicts)
      if (one.weight == weight) sorted.push_back(std::move(one));
  return sorted;
}

}  // namespace pgkeel::maintain
