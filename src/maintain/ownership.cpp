// See ownership.hpp.
#include "maintain/ownership.hpp"

#include <algorithm>
#include <map>

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
       (select rolsuper from pg_roles where rolname = current_user),
       coalesce((select pg_has_role(o.oid, a.oid, 'member') from pg_roles a, pg_roles o
                  where a.rolname = $1 and o.rolname = $2), false))sql";

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

// What the two were given by name before: it is not ours to take back.
constexpr const char* kSchemas = R"sql(
select quote_ident(n.nspname),
       exists (select from aclexplode(n.nspacl) a join pg_roles r on r.oid = a.grantee
                where r.rolname = $1 and a.privilege_type = 'USAGE'),
       exists (select from pg_default_acl d join pg_roles o on o.oid = d.defaclrole,
                           aclexplode(d.defaclacl) a join pg_roles r on r.oid = a.grantee
                where d.defaclnamespace = n.oid and o.rolname = $2 and r.rolname = $1)
  from pg_namespace n where n.nspname !~ '^pg_')sql";

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

/// What is known of a schema by its quoted name.
struct SchemaRights {
  bool used = false;       ///< the application was given its use by name
  bool defaulted = false;  ///< the owner's later objects there are the application's to use already
};
using Schemas = std::map<std::string, SchemaRights>;

Schemas schemas_in(const client::Rows& rows) {
  Schemas schemas;
  for (std::size_t row = 0; row < rows.size(); ++row)
    schemas[text_at(rows, row, 0)] = {text_at(rows, row, 1) == "t", text_at(rows, row, 2) == "t"};
  return schemas;
}

bool owner_is_new(const OwnershipPlan& plan, OwnerRole role) {
  return plan.makes_owner || role == OwnerRole::MadeBefore;
}

void give_schema(OwnershipPlan& plan, const Names& names, const std::string& schema,
                 SchemaRights rights, bool own) {
  if (!rights.used || own)
    plan.apply.push_back(fmt::format("grant usage on schema {} to {}", schema, names.application));
  if (!rights.used && !own)
    plan.take_back.push_back(
        fmt::format("revoke usage on schema {} from {}", schema, names.application));
  const auto defaults =
      fmt::format("alter default privileges for role {} in schema {} ", names.owner, schema);
  for (const auto* kinds : {"select, insert, update, delete on tables", "usage on sequences"}) {
    plan.apply.push_back(fmt::format("{}grant {} to {}", defaults, kinds, names.application));
    if (!rights.defaulted)
      plan.take_back.push_back(
          fmt::format("{}revoke {} from {}", defaults, kinds, names.application));
  }
}

void take_objects(OwnershipPlan& plan, const Names& names, OwnerRole role, const client::Rows& rows,
                  const Schemas& known) {
  std::map<std::string, bool> schemas;  // whether it is the application's own
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto kind = text_at(rows, row, 1);
    const auto object = text_at(rows, row, 2);
    schemas[text_at(rows, row, 3)] |= kind == "schema";
    ++plan.objects;
    if (kind != "owned sequence") {
      plan.apply.push_back(fmt::format("alter {} {} owner to {}", kind, object, names.owner));
      if (!owner_is_new(plan, role))
        plan.take_back.push_back(
            fmt::format("alter {} {} owner to {}", kind, object, names.application));
    }
    if (const auto kept = kept_on(kind); !kept.empty())
      plan.apply.push_back(fmt::format("grant {} {} to {}", kept, object, names.application));
  }
  for (const auto& [schema, own] : schemas) {
    const auto found = known.find(schema);
    give_schema(plan, names, schema, found == known.end() ? SchemaRights{} : found->second, own);
  }
}

void take_database(OwnershipPlan& plan, const Names& names, OwnerRole role) {
  ++plan.objects;
  plan.apply.push_back(fmt::format("alter database {} owner to {}", names.database, names.owner));
  plan.apply.push_back(fmt::format("grant connect, temporary on database {} to {}", names.database,
                                   names.application));
  if (!owner_is_new(plan, role))
    plan.take_back.push_back(
        fmt::format("alter database {} owner to {}", names.database, names.application));
}

// What an owner's views and triggers read may be others' tables, which the application was let at:
// the new owner keeps that by being a member of it. A role that is made here owns nothing but what
// it is given and what is made later: all of it goes back at once, and the role last.
void make_statements(OwnershipPlan& plan, const Names& names, OwnerRole role,
                     const client::Rows& roles, const client::Rows& objects,
                     const Schemas& schemas) {
  const bool exists = text_at(roles, 0, 2) == "t";
  const bool owns_database = text_at(roles, 0, 5) == "t";
  const bool member = text_at(roles, 0, 8) == "t";
  if (objects.empty() && !owns_database) return;
  plan.makes_owner = !exists && role == OwnerRole::AsFound;
  if (plan.makes_owner) plan.apply.push_back(fmt::format("create role {} nologin", names.owner));
  if (!member) plan.apply.push_back(fmt::format("grant {} to {}", names.application, names.owner));
  if (owner_is_new(plan, role))
    plan.take_back.push_back(
        fmt::format("reassign owned by {} to {}", names.owner, names.application));
  if (owns_database) take_database(plan, names, role);
  take_objects(plan, names, role, objects, schemas);
  if (plan.makes_owner) plan.take_back_last.push_back(fmt::format("drop role {}", names.owner));
  else if (!member && role == OwnerRole::AsFound)
    plan.take_back_last.push_back(fmt::format("revoke {} from {}", names.application, names.owner));
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
                                           std::string owner, std::string application,
                                           OwnerRole role) {
  auto session = co_await connect(access, database, kApplication);
  if (!session) co_return fail(session.error());
  if (application.empty()) {
    auto found = co_await only_candidate(access, &*session, database);
    if (!found) co_return fail(found.error());
    application = std::move(*found);
  }
  OwnershipPlan plan{
      std::move(database), std::move(owner), std::move(application), 0, {}, {}, {}, false};
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
  const auto schemas = co_await ask(access, &*session, kSchemas, {plan.application, plan.owner});
  if (!schemas) co_return fail(schemas.error());
  make_statements(plan, *names, role, *roles, *objects, schemas_in(*schemas));
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
