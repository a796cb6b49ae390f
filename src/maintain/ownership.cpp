// See ownership.hpp.
#include "maintain/ownership.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "pg/sql_text.hpp"

namespace pgkeel::maintain {
namespace {

using client::Connection;
using runtime::Task;

constexpr const char* kApplication = "pgkeel_protect";
constexpr const char* kBegin = "begin; set local lock_timeout = '5s';\n";

constexpr const char* kCandidates = R"sql(
select distinct r.rolname from pg_class c join pg_roles r on r.oid = c.relowner
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and r.rolcanlogin and not r.rolsuper order by 1 limit 5)sql";

constexpr const char* kRoles = R"sql(
select coalesce((select rolsuper from pg_roles where rolname = $1), false),
       exists (select from pg_roles where rolname = $1),
       exists (select from pg_roles where rolname = $2),
       coalesce((select rolcanlogin or rolsuper from pg_roles where rolname = $2), false),
       coalesce((select pg_has_role(a.oid, o.oid, 'member') from pg_roles a, pg_roles o
                  where a.rolname = $1 and o.rolname = $2), false),
       (select rolname = $1 from pg_database d join pg_roles r on r.oid = d.datdba
         where d.datname = current_database()),
       coalesce((select string_agg(c.oid::regclass::text, ', ') from pg_class c join pg_roles r on r.oid = c.relowner
                  where r.rolname = $1 and c.relrowsecurity and not c.relforcerowsecurity), ''),
       (select rolsuper from pg_roles where rolname = current_user))sql";

// What an owner may drop. A sequence of a column follows its table and cannot be given away alone.
constexpr const char* kObjects = R"sql(
with app as (select oid from pg_roles where rolname = $1)
select 1, 'schema', quote_ident(nspname), quote_ident(nspname) from pg_namespace, app
 where nspowner = app.oid and nspname !~ '^pg_'
union all
select case c.relkind when 'S' then 4 when 'v' then 3 when 'm' then 3 else 2 end,
       case c.relkind when 'v' then 'view' when 'm' then 'materialized view'
            when 'f' then 'foreign table' when 'S' then
            case when exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                                and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))
                 then 'owned sequence' else 'sequence' end
            else 'table' end,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(n.nspname)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace, app
 where c.relowner = app.oid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
   and c.relpersistence <> 't' and n.nspname !~ '^pg_'
union all
select 5, case t.typtype when 'd' then 'domain' else 'type' end,
       quote_ident(n.nspname) || '.' || quote_ident(t.typname), quote_ident(n.nspname)
  from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid, app
 where t.typowner = app.oid and n.nspname !~ '^pg_'
   and (t.typtype in ('e', 'd') or t.typtype = 'c' and c.relkind = 'c')
 order by 1, 3 limit 20001)sql";
constexpr std::size_t kObjectsMax = 20'000;

struct Names {
  std::string owner;  ///< quoted
  std::string application;
  std::string database;
};

Result<Names> quoted_names(const OwnershipPlan& plan) {
  TRY(owner, pg::quote_identifier(plan.owner));
  TRY(application, pg::quote_identifier(plan.application));
  TRY(database, pg::quote_identifier(plan.database));
  return Names{owner, application, database};
}

Error refused(std::string text, std::string hint) {
  return Error(ErrorCode::Refused, std::move(text)).with_hint(std::move(hint));
}

std::optional<Error> objection(const OwnershipPlan& plan, const client::Rows& roles) {
  const auto is = [&](std::size_t column) { return text_at(roles, 0, column) == "t"; };
  if (!is(1))
    return Error(ErrorCode::NotFound, fmt::format("there is no role {}", plan.application));
  if (is(0))
    return Error(ErrorCode::WrongState,
                 fmt::format("role {} is a superuser: no change of ownership holds it",
                             plan.application))
        .with_hint("Let the application log in as another role first.");
  if (is(3))
    return refused(fmt::format("role {} can log in or is a superuser", plan.owner),
                   "Name a role that does not exist yet, or one made with NOLOGIN.");
  if (is(4) || plan.owner == plan.application)
    return refused(fmt::format("role {} is a member of {}: it could still drop everything",
                               plan.application, plan.owner),
                   "Name another owner.");
  if (const auto tables = text_at(roles, 0, 6); !tables.empty())
    return refused(
        fmt::format("row level security would begin to hold {} on {}", plan.application, tables),
        "An owner is not held by it. Write policies for the role first, or change "
        "these tables by hand.");
  if (!is(7))
    return Error(ErrorCode::NotSupported,
                 "only a superuser may give everything of one role to another at once");
  return std::nullopt;
}

/// What the application keeps on it; empty: nothing needs to be given.
std::string_view kept_on(std::string_view kind) {
  if (kind == "table" || kind == "view" || kind == "foreign table")
    return "select, insert, update, delete on table";
  if (kind == "materialized view") return "select on table";
  if (kind == "sequence" || kind == "owned sequence") return "usage on sequence";
  return {};
}

void take_objects(OwnershipPlan& plan, const Names& names, const client::Rows& rows) {
  std::set<std::string> schemas;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto kind = text_at(rows, row, 1);
    const auto object = text_at(rows, row, 2);
    schemas.insert(text_at(rows, row, 3));
    ++plan.objects;
    if (kind != "owned sequence") {
      plan.apply.push_back(fmt::format("alter {} {} owner to {}", kind, object, names.owner));
      plan.take_back.push_back(
          fmt::format("alter {} {} owner to {}", kind, object, names.application));
    }
    if (const auto kept = kept_on(kind); !kept.empty())
      plan.apply.push_back(fmt::format("grant {} {} to {}", kept, object, names.application));
  }
  for (const auto& schema : schemas) {
    plan.apply.push_back(fmt::format("grant usage on schema {} to {}", schema, names.application));
    constexpr std::string_view kDefaults = "alter default privileges for role {} in schema {} ";
    const auto defaults = fmt::format(fmt::runtime(kDefaults), names.owner, schema);
    for (const auto* rights : {"select, insert, update, delete on tables", "usage on sequences"}) {
      plan.apply.push_back(fmt::format("{}grant {} to {}", defaults, rights, names.application));
      plan.take_back.push_back(
          fmt::format("{}revoke {} from {}", defaults, rights, names.application));
    }
  }
}

// What an owner's views and triggers read may be others' tables, which the application was let at:
// the new owner keeps that by being a member of it.
void make_statements(OwnershipPlan& plan, const Names& names, const client::Rows& roles,
                     const client::Rows& objects) {
  const bool exists = text_at(roles, 0, 2) == "t";
  const bool owns_database = text_at(roles, 0, 5) == "t";
  if (objects.empty() && !owns_database) return;
  if (!exists) plan.apply.push_back(fmt::format("create role {} nologin", names.owner));
  plan.apply.push_back(fmt::format("grant {} to {}", names.application, names.owner));
  if (owns_database) {
    ++plan.objects;
    plan.apply.push_back(fmt::format("alter database {} owner to {}", names.database, names.owner));
    plan.apply.push_back(fmt::format("grant connect, temporary on database {} to {}",
                                     names.database, names.application));
    plan.take_back.push_back(
        fmt::format("alter database {} owner to {}", names.database, names.application));
  }
  take_objects(plan, names, objects);
  plan.take_back.push_back(fmt::format("revoke {} from {}", names.application, names.owner));
  if (!exists) plan.take_back.push_back(fmt::format("drop role {}", names.owner));
}

Task<Result<std::string>> only_candidate(const ServerAccess* access, Connection* session,
                                         std::string database) {
  const auto rows = co_await ask(access, session, kCandidates);
  if (!rows) co_return fail(rows.error());
  if (rows->size() == 1) co_return text_at(*rows, 0, 0);
  std::string names;
  for (std::size_t row = 0; row < rows->size(); ++row)
    names += (row == 0 ? "" : ", ") + text_at(*rows, row, 0);
  co_return fail(Error(ErrorCode::Usage,
                       rows->empty()
                           ? fmt::format("no role that logs in owns a table in {}, superusers "
                                         "left out",
                                         database)
                           : fmt::format("several roles own tables in {}: {}", database, names))
                     .with_hint("Name the application's role with --of ROLE."));
}

}  // namespace

Task<Result<OwnershipPlan>> plan_ownership(const ServerAccess* access, std::string database,
                                           std::string owner, std::string application) {
  auto session = co_await connect(access, database, kApplication);
  if (!session) co_return fail(session.error());
  if (application.empty()) {
    auto found = co_await only_candidate(access, &*session, database);
    if (!found) co_return fail(found.error());
    application = std::move(*found);
  }
  OwnershipPlan plan{std::move(database), std::move(owner), std::move(application), 0, {}, {}};
  const auto names = quoted_names(plan);
  if (!names) co_return fail(names.error());
  const auto roles = co_await ask(access, &*session, kRoles, {plan.application, plan.owner});
  if (!roles) co_return fail(roles.error());
  if (auto why = objection(plan, *roles)) co_return fail(std::move(*why));
  const auto objects = co_await ask(access, &*session, kObjects, {plan.application});
  if (!objects) co_return fail(objects.error());
  if (objects->size() > kObjectsMax)
    co_return fail(refused("there are too many objects for one transaction",
                           "Change them schema by schema, by hand."));
  make_statements(plan, *names, *roles, *objects);
  co_return plan;
}

Task<Result<void>> change_ownership(const ServerAccess* access, const OwnershipPlan* plan) {
  if (plan->apply.empty()) co_return Result<void>();
  auto session = co_await connect(access, plan->database, kApplication);
  if (!session) co_return fail(session.error());
  std::string script(kBegin);
  for (const auto& statement : plan->apply) script += statement + ";\n";
  script += "commit";
  auto done = co_await run_script(access, &*session, std::move(script));
  co_return done;
}

}  // namespace pgkeel::maintain
