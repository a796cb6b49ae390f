// Reads who may what; any role may ask, and sees of others' sessions what the server lets it.
#include "maintain/rights.hpp"

namespace pgkeel::maintain {
namespace {

using runtime::Task;

constexpr const char* kApplication = "pgkeel_protect";

// A person's psql is no application.
constexpr const char* kRoles = R"sql(
select r.rolname, r.rolsuper, r.oid = 10, r.rolcreatedb, r.rolcreaterole, r.rolbypassrls,
       count(a.pid),
       coalesce(string_agg(distinct nullif(a.application_name, ''), ', '), '')
  from pg_roles r
  left join pg_stat_activity a on a.usesysid = r.oid and a.pid <> pg_backend_pid()
       and a.application_name !~ '^(pgkeel|psql)' and coalesce(a.backend_type, 'client backend') = 'client backend'
 where r.rolcanlogin and r.rolname !~ '^pg_'
 group by r.oid, r.rolname, r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolbypassrls
 order by r.rolname limit 1000)sql";

constexpr const char* kDatabase = R"sql(
select (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
           and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'pgkeel')),
       coalesce((select has_schema_privilege('public', n.oid, 'create') from pg_namespace n
                  where n.nspname = 'public'), false),
       has_database_privilege('public', current_database(), 'connect'),
       (select count(*) from pg_default_acl))sql";

// DROP TABLE is the right of the table's owner and of its schema's (tablecmds.c,
// RangeVarCallbackForDropRelation).
constexpr const char* kReach = R"sql(
with roles as (select oid, rolname from pg_roles
                where rolcanlogin and not rolsuper and rolname !~ '^pg_' order by rolname limit 1000),
     tables as (select c.oid, c.relowner, n.nspowner
                  from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
                   and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'pgkeel')),
     owners as (select relowner, nspowner, count(*) as n from tables group by 1, 2)
select r.rolname,
       coalesce((select sum(o.n) from owners o
                  where pg_has_role(r.oid, o.relowner, 'member')
                     or pg_has_role(r.oid, o.nspowner, 'member')), 0)::int8,
       coalesce((select string_agg(distinct pg_get_userbyid(u.owner)::text, ', ')
                   from owners o, unnest(array[o.relowner, o.nspowner]) as u(owner)
                  where u.owner <> r.oid and pg_has_role(r.oid, u.owner, 'member')
                    and pg_get_userbyid(u.owner) <> 'pg_database_owner'), ''),
       coalesce((select string_agg(n.nspname, ', ' order by n.nspname) from pg_namespace n
                  where n.nspowner = r.oid and n.nspname !~ '^pg_'), ''),
       pg_has_role(r.oid, d.datdba, 'member'),
       (select count(*) from tables t
         where not pg_has_role(r.oid, t.relowner, 'member')
           and has_table_privilege(r.oid, t.oid, 'truncate'))
  from roles r, (select datdba from pg_database where datname = current_database()) d
 order by r.rolname)sql";

bool flag_at(const client::Rows& rows, std::size_t row, std::size_t column) {
  return text_at(rows, row, column) == "t";
}

}  // namespace

Task<Result<std::vector<LoginRole>>> look_at_roles(const ServerAccess* access) {
  auto session = co_await connect(access, "", kApplication);
  if (!session) co_return fail(session.error());
  const auto rows = co_await ask(access, &*session, kRoles);
  if (!rows) co_return fail(rows.error());
  std::vector<LoginRole> roles;
  for (std::size_t row = 0; row < rows->size(); ++row)
    roles.push_back({text_at(*rows, row, 0), flag_at(*rows, row, 1), flag_at(*rows, row, 2),
                     flag_at(*rows, row, 3), flag_at(*rows, row, 4), flag_at(*rows, row, 5),
                     rows->int64(row, 6).value_or(0), text_at(*rows, row, 7)});
  co_return roles;
}

Task<Result<DatabaseRights>> look_at_rights(const ServerAccess* access, std::string database) {
  auto session = co_await connect(access, database, kApplication);
  if (!session) co_return fail(session.error());
  const auto whole = co_await ask(access, &*session, kDatabase);
  if (!whole) co_return fail(whole.error());
  const auto rows = co_await ask(access, &*session, kReach);
  if (!rows) co_return fail(rows.error());
  DatabaseRights rights;
  rights.database = std::move(database);
  rights.tables = whole->int64(0, 0).value_or(0);
  rights.public_creates = flag_at(*whole, 0, 1);
  rights.public_connects = flag_at(*whole, 0, 2);
  rights.default_acls = whole->int64(0, 3).value_or(0);
  for (std::size_t row = 0; row < rows->size(); ++row)
    rights.roles.push_back({text_at(*rows, row, 0), rows->int64(row, 1).value_or(0),
                            text_at(*rows, row, 2), text_at(*rows, row, 3), flag_at(*rows, row, 4),
                            rows->int64(row, 5).value_or(0)});
  co_return rights;
}

}  // namespace pgkeel::maintain
