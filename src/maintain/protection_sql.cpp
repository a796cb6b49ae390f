// See protection_sql.hpp. Functions in PL/pgSQL, as PostgreSQL 13 knows it.
// https://www.postgresql.org/docs/current/event-triggers.html
#include "maintain/protection_sql.hpp"

#include <array>

#include <fmt/format.h>

#include "maintain/gateway_sql.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::maintain {
namespace {

constexpr std::string_view kTell = R"sql(
create or replace function pgkeel.tell(tag text, outcome text, objects jsonb, objects_count bigint)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $pgkeel$
declare
  line text := 'pgkeel-ddl 1 ' || jsonb_build_object(
    'at', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'pid', pg_backend_pid(), 'db', current_database(),
    'role', case current_setting('role') when 'none' then session_user::text
            else current_setting('role') end,
    'login', session_user, 'app', left(current_setting('application_name'), 63),
    'addr', host(inet_client_addr()), 'xid', txid_current_if_assigned(), 'tag', tag,
    'outcome', outcome, 'objects', coalesce(objects, '[]'), 'count', objects_count)::text;
begin
  -- In the log whatever log_min_messages says, and without the statement, which may hold secrets.
  begin
    perform set_config('log_min_messages', 'log', true);
    perform set_config('log_min_error_statement', 'panic', true);
    perform set_config('log_error_verbosity', 'terse', true);
    raise log '%', line;
    raise exception using errcode = 'KEEL1';  -- puts the settings back
  exception when sqlstate 'KEEL1' then
    null;
  end;
exception when others then
  raise log '%', line;  -- whoever owns this function is no superuser any more
end $pgkeel$;
)sql";

constexpr std::string_view kDropAllowed = R"sql(
create or replace function pgkeel.drop_allowed()
returns text language plpgsql security definer set search_path = pg_catalog, pg_temp
set pgkeel.window_until = '' set pgkeel.window_by = '' as $pgkeel$
begin
  if lower(current_setting('pgkeel.allow_drop', true)) in ('on', 'true', 'yes', '1') then
    return 'session';
  elsif current_setting('pgkeel.in_extension', true) ~ '^[1-9]' then
    return 'extension';
  elsif current_setting('application_name') = 'pg_restore' then
    return 'pg_restore';
  elsif current_setting('pgkeel.window_until') ~ '^[0-9]{1,12}$'
        and current_setting('pgkeel.window_until')::bigint
            > extract(epoch from clock_timestamp()) then
    return 'window';
  end if;
  return null;
end $pgkeel$;
)sql";

constexpr std::string_view kRefuseDrop = R"sql(
create or replace function pgkeel.refuse_drop()
returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $pgkeel$
declare
  objects jsonb;
  objects_count bigint;
  named text;
  set_up text;
begin
  begin
    select count(*), jsonb_agg(left(d.object_type || ' ' || d.object_identity, 200))
             filter (where d.n <= 20), string_agg(d.object_type || ' ' || d.object_identity, ', ')
             filter (where d.n <= 3)
      into objects_count, objects, named
      from (select row_number() over (order by not o.original) as n, o.object_type,
                   o.object_identity
              from pg_event_trigger_dropped_objects() o
             where not o.is_temporary
               and (o.object_type in ('table column', 'foreign table column')
                    or tg_tag <> 'DROP EXTENSION'
                       and o.object_type in ('table', 'foreign table', 'view',
                                             'materialized view', 'schema')
                    or tg_tag = 'DROP SEQUENCE' and o.object_type = 'sequence')) d;
    if objects_count = 0 or pgkeel.drop_allowed() is not null then
      return;
    end if;
    if objects_count > 3 then
      named := named || ' and ' || (objects_count - 3) || ' more';
    end if;
    set_up := coalesce((select obj_description(t.oid, 'pg_event_trigger')
                          from pg_event_trigger t where t.evtname = 'pgkeel_1_refuse'), 'pgkeel');
    perform pgkeel.tell(tg_tag, 'refused', objects, objects_count);
  exception when others then
    raise warning 'pgkeel could not check this %, and lets it pass: %', tg_tag, sqlerrm;
    return;
  end;
  raise exception using errcode = 'insufficient_privilege',
    message = tg_tag || ' refused: it would remove ' || named,
    detail = 'Drops are refused in this database: ' || set_up || '.',
    hint = 'If it is meant, say so in the session first: SET pgkeel.allow_drop = ''on''; or allow '
           'it for all for a while: pgkeel protect --window 30m. pgkeel protect --off ends this.';
end $pgkeel$;
)sql";

constexpr std::string_view kAuditDrop = R"sql(
create or replace function pgkeel.audit_drop()
returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $pgkeel$
declare
  objects jsonb;
  objects_count bigint;
  outcome text := 'done';
begin
  if current_setting('pgkeel.in_extension', true) ~ '^[1-9]' then
    return;
  end if;
  select count(*), jsonb_agg(left(d.object_type || ' ' || d.object_identity, 200))
           filter (where d.n <= 20)
    into objects_count, objects
    from (select row_number() over (order by not o.original) as n, o.object_type,
                 o.object_identity
            from pg_event_trigger_dropped_objects() o
           where not o.is_temporary
             and (o.original or o.object_type in ('table', 'foreign table', 'view',
                  'materialized view', 'schema', 'table column'))) d;
  if objects_count > 0 then
    begin
      outcome := coalesce('allowed by ' || pgkeel.drop_allowed(), outcome);
    exception when others then
      null;  -- what was let through with a warning is recorded all the same
    end;
    perform pgkeel.tell(tg_tag, outcome, objects, objects_count);
  end if;
exception when others then
  raise warning 'pgkeel could not record this %: %', tg_tag, sqlerrm;
end $pgkeel$;
)sql";

constexpr std::string_view kAuditDdl = R"sql(
create or replace function pgkeel.audit_ddl()
returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $pgkeel$
declare
  objects jsonb;
  objects_count bigint;
begin
  if tg_tag in ('REFRESH MATERIALIZED VIEW', 'REINDEX') then
    return;  -- maintenance, and often
  end if;
  select count(*), jsonb_agg(left(c.object_type || coalesce(' ' || c.object_identity, ''), 200))
           filter (where c.n <= 20)
    into objects_count, objects
    from (select row_number() over () as n, d.object_type, d.object_identity
            from pg_event_trigger_ddl_commands() d
           where not d.in_extension and coalesce(d.schema_name, '') !~ '^pg_temp') c;
  if objects_count > 0 then
    perform pgkeel.tell(tg_tag, 'done', objects, objects_count);
  end if;
exception when others then
  raise warning 'pgkeel could not record this %: %', tg_tag, sqlerrm;
end $pgkeel$;
)sql";

constexpr std::string_view kExtensionScript = R"sql(
create or replace function pgkeel.extension_script()
returns event_trigger language plpgsql set search_path = pg_catalog, pg_temp as $pgkeel$
declare  -- a script may hold ALTER EXTENSION itself
  depth int := coalesce(nullif(current_setting('pgkeel.in_extension', true), '')::int, 0);
begin
  depth := depth + case tg_event when 'ddl_command_start' then 1 else -1 end;
  perform set_config('pgkeel.in_extension', case when depth > 0 then depth::text else '' end, true);
exception when others then
  raise warning 'pgkeel could not tell that an extension''s script runs: %', sqlerrm;
end $pgkeel$;
)sql";

/// Another purpose of the schema, as what the gateway asks, is one more text in
/// install_statements().
constexpr auto kFunctions = std::to_array<std::string_view>(
    {kTell, kDropAllowed, kRefuseDrop, kAuditDrop, kAuditDdl, kExtensionScript});
/// In the order they are dropped: the callers first.
constexpr auto kSignatures = std::to_array<std::string_view>(
    {"refuse_drop()", "audit_drop()", "audit_ddl()", "extension_script()", "drop_allowed()",
     "tell(text, text, jsonb, bigint)", kGatewaySignature});

struct Trigger {
  std::string_view name;  ///< those of one event fire in the order of their names
  std::string_view event;
  std::string_view function;
  std::string_view only;    ///< a WHEN clause
  std::string_view enable;  ///< ALWAYS: also while session_replication_role is replica
};
constexpr std::string_view kOfExtensions = " when tag in ('CREATE EXTENSION', 'ALTER EXTENSION')";
constexpr auto kTriggers = std::to_array<Trigger>({
    {"pgkeel_0_extension_begins", "ddl_command_start", "extension_script", kOfExtensions, ""},
    {"pgkeel_0_extension_ends", "ddl_command_end", "extension_script", kOfExtensions, ""},
    {"pgkeel_1_refuse", "sql_drop", "refuse_drop", "", ""},
    {"pgkeel_2_audit_drop", "sql_drop", "audit_drop", "", "always"},
    {"pgkeel_3_audit", "ddl_command_end", "audit_ddl", "", "always"},
});

std::string make_triggers() {
  std::string text;
  for (const auto& one : kTriggers) {
    text += fmt::format("create event trigger {} on {}{} execute function pgkeel.{}();\n", one.name,
                        one.event, one.only, one.function);
    if (!one.enable.empty())
      text += fmt::format("alter event trigger {} enable always;\n", one.name);
  }
  return text;
}

// The triggers first: while their functions are replaced nothing is refused by half.
std::string drop_all() {
  std::string text;
  for (const auto& one : kTriggers)
    text += fmt::format("drop event trigger if exists {};\n", one.name);
  for (const auto signature : kSignatures)
    text += fmt::format("drop function if exists pgkeel.{};\n", signature);
  return text;
}

constexpr std::string_view kBegin = "begin; set local lock_timeout = '5s';\n";

// Whoever owns the schema, or may create in it, could put a function of its own where superusers'
// are called: nobody else has any right on it, and before the new functions are made nothing is
// left in it that pgkeel did not make.
constexpr std::string_view kTakeSchema = R"sql(create schema if not exists pgkeel;
alter schema pgkeel owner to current_user;
do $pgkeel$
declare
  grantee text;
begin
  for grantee in
    select distinct case a.grantee when 0 then 'public'
                    else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)::text) end
      from pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
     where n.nspname = 'pgkeel' and a.grantee <> n.nspowner
  loop
    execute 'revoke all on schema pgkeel from ' || grantee || ' cascade';
  end loop;
end $pgkeel$;
)sql";
constexpr std::string_view kNothingLeft = R"sql(do $pgkeel$
declare
  strangers text;
begin
  select pg_catalog.string_agg(pg_catalog.format('%s(%s) of role %s', p.proname,
           pg_catalog.pg_get_function_identity_arguments(p.oid),
           pg_catalog.pg_get_userbyid(p.proowner)), ', ' order by p.oid)
    into strangers
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
   where n.nspname = 'pgkeel';
  if strangers is not null then
    raise exception using errcode = 'object_not_in_prerequisite_state', message =
      'schema pgkeel holds functions that pgkeel did not make: ' || strangers ||
      '; nothing was changed. See who made them, and drop or move them first';
  end if;
end $pgkeel$;
)sql";

}  // namespace

std::size_t protection_triggers() { return kTriggers.size(); }

Result<std::string> install_statements(const ProtectionNote& note) {
  TRY(about, pg::quote_literal(note.set_up));
  TRY(until, pg::quote_literal(note.window_until));
  TRY(opened_by, pg::quote_literal(note.window_by));
  std::string text(kBegin);
  text += remember_gateway();
  text += kTakeSchema;
  text += drop_all();  // what is replaced keeps its owner, who may be no superuser any more
  text += kNothingLeft;
  for (const auto function : kFunctions) text += function;
  text += gateway_function();
  text += "revoke all on all functions in schema pgkeel from public;\n";
  text += restore_gateway();
  text += fmt::format(
      "alter function pgkeel.drop_allowed() set pgkeel.window_until = {};\n"
      "alter function pgkeel.drop_allowed() set pgkeel.window_by = {};\n",
      until, opened_by);
  text += fmt::format("comment on schema pgkeel is 'pgkeel protect {}';\n", kProtectionVersion);
  text += make_triggers();
  text += fmt::format("comment on event trigger pgkeel_1_refuse is {};\ncommit", about);
  return text;
}

std::string remove_statements() {
  std::string text(kBegin);
  text += drop_all();
  text +=
      "do $$ begin if exists (select from pg_catalog.pg_roles r, pg_catalog.pg_namespace n"
      " where r.rolname = 'pgkeel_gateway' and n.nspname = 'pgkeel') then"
      " revoke all on schema pgkeel from pgkeel_gateway; end if; end $$;\n";
  // What somebody else put into it stays, and so does the schema then.
  text +=
      "do $$ begin drop schema if exists pgkeel; exception when dependent_objects_still_exist then"
      " comment on schema pgkeel is null; end $$;\ncommit";
  return text;
}

Result<std::string> window_statements(std::string_view until_epoch, std::string_view by) {
  TRY(until, pg::quote_literal(until_epoch));
  TRY(who, pg::quote_literal(by));
  return fmt::format(
      "{}alter function pgkeel.drop_allowed() set pgkeel.window_until = {};\n"
      "alter function pgkeel.drop_allowed() set pgkeel.window_by = {};\ncommit",
      kBegin, until, who);
}

}  // namespace pgkeel::maintain
