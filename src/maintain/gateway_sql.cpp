// See gateway_sql.hpp. In SQL as PostgreSQL 13 knows it; the role's name is written out.
#include "maintain/gateway_sql.hpp"

#include <fmt/format.h>

namespace pgkeel::maintain {

std::string_view gateway_function() {
  return R"sql(
create or replace function pgkeel.gateway_verifier(
  name text, out verifier text, out valid_until bigint, out can_login boolean)
returns setof record language sql stable strict rows 1 security definer
set search_path = pg_catalog, pg_temp set pgkeel.gateway_roles = '' as $pgkeel$
  select case when a.rolcanlogin
                and (current_setting('pgkeel.gateway_roles') = 'all'
                     or not (a.rolreplication or exists (
                       select from pg_catalog.pg_authid s
                        where s.rolsuper and pg_has_role(a.oid, s.oid, 'member'))))
              then a.rolpassword end,
         case when a.rolvaliduntil = '-infinity' then 0
              when a.rolvaliduntil <> 'infinity'
              then greatest(floor(extract(epoch from a.rolvaliduntil)), 0)::bigint end,
         a.rolcanlogin
    from pg_catalog.pg_authid a
   where a.rolname = gateway_verifier.name::pg_catalog.name
     and a.rolname::text = gateway_verifier.name  -- not one that is cut
$pgkeel$;
)sql";
}

std::string_view remember_gateway() {
  return R"sql(do $pgkeel$
declare
  granted boolean;
  handed_out text;
begin
  select pg_catalog.bool_or(g.rolname = 'pgkeel_gateway'),
         pg_catalog.max(case when 'pgkeel.gateway_roles=all' = any (p.proconfig) then 'all' else '' end)
    into granted, handed_out
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace and n.nspname = 'pgkeel'
    join pg_catalog.pg_roles o on o.oid = p.proowner and o.rolsuper
    join pg_catalog.pg_roles s on s.oid = n.nspowner and s.rolsuper
    left join lateral pg_catalog.aclexplode(p.proacl) a on true
    left join pg_catalog.pg_roles g on g.oid = a.grantee
   where p.proname = 'gateway_verifier';
  perform pg_catalog.set_config('pgkeel.gateway_granted', case when granted then 'yes' else '' end, true);
  perform pg_catalog.set_config('pgkeel.gateway_handed_out', coalesce(handed_out, ''), true);
end $pgkeel$;
)sql";
}

std::string_view restore_gateway() {
  return R"sql(do $pgkeel$
begin
  if pg_catalog.current_setting('pgkeel.gateway_granted') = 'yes' then
    grant usage on schema pgkeel to pgkeel_gateway;
    grant execute on function pgkeel.gateway_verifier(text) to pgkeel_gateway;
  end if;
  if pg_catalog.current_setting('pgkeel.gateway_handed_out') = 'all' then
    alter function pgkeel.gateway_verifier(text) set pgkeel.gateway_roles = 'all';
  end if;
end $pgkeel$;
)sql";
}

std::string grant_gateway_statements(GatewayRoles roles) {
  return fmt::format(R"sql(begin; set local lock_timeout = '5s';
do $pgkeel$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'pgkeel_gateway') then
    create role pgkeel_gateway login noinherit;
  elsif exists (select from pg_catalog.pg_roles r
                 where r.rolname = 'pgkeel_gateway'
                   and (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication
                        or r.rolbypassrls
                        or exists (select from pg_catalog.pg_auth_members m
                                    where m.member = r.oid or m.roleid = r.oid))) then
    raise exception using errcode = 'object_not_in_prerequisite_state', message =
      'role pgkeel_gateway may do more than log in, or is another role''s to use; nothing was '
      'changed. Take that from it, or rename it, first';
  end if;
end $pgkeel$;
alter role pgkeel_gateway login;
alter function pgkeel.gateway_verifier(text) set pgkeel.gateway_roles = '{}';
grant usage on schema pgkeel to pgkeel_gateway;
grant execute on function pgkeel.gateway_verifier(text) to pgkeel_gateway;
commit)sql",
                     roles == GatewayRoles::All ? "all" : "");
}

std::string revoke_gateway_statements() {
  return R"sql(begin; set local lock_timeout = '5s';
do $pgkeel$
begin
  if exists (select from pg_catalog.pg_roles where rolname = 'pgkeel_gateway') then
    revoke all on all functions in schema pgkeel from pgkeel_gateway;
    revoke all on schema pgkeel from pgkeel_gateway;
  end if;
end $pgkeel$;
commit)sql";
}

}  // namespace pgkeel::maintain
