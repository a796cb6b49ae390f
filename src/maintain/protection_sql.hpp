// What `pgkeel protect --apply` puts into a database, as SQL: a schema `pgkeel`, functions of the
// superuser who installs them, and event triggers. One refuses what removes tables, views, schemas
// or columns unless it was said to be meant; two write a line into the server's log for each DDL
// (pg/ddl_line.hpp reads it). It guarantees: the check fails open (any error but its own refusal
// is a WARNING), temporary objects and the scripts of extensions are none of its business, no
// statement's text is logged, nothing but the schema is made. It refuses to put triggers on tables:
// TRUNCATE is not covered, and DROP DATABASE cannot be.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::maintain {

/// Counted up whenever a text changes: an older one is then replaced by `--apply`.
inline constexpr int kProtectionVersion = 2;

struct ProtectionNote {
  std::string set_up;             ///< "set up by root on 2026-11-22": shown with each refusal
  std::string window_until = {};  ///< seconds since the epoch; empty: no window
  std::string window_by = {};
};

/// How many event triggers a whole installation has.
[[nodiscard]] std::size_t protection_triggers();
/// One transaction; also replaces an older or a damaged installation.
[[nodiscard]] Result<std::string> install_statements(const ProtectionNote& note);
/// One transaction; does nothing where nothing is installed.
[[nodiscard]] std::string remove_statements();
/// Drops are allowed until then; "" and "" closes the window.
[[nodiscard]] Result<std::string> window_statements(std::string_view until_epoch,
                                                    std::string_view by);

/// One row whoever asks: version (empty: none), whether the schema is there, event triggers that
/// fire, who set it up, the window's end (epoch, else NULL) and who opened it, whether the schema's
/// owner and those of all functions in it are superusers, whether the session's role is.
inline constexpr std::string_view kProtectionState = R"sql(
select coalesce(substring(obj_description(n.oid, 'pg_namespace') from '^pgkeel protect ([0-9]{1,6})$'), ''),
       n.oid is not null,
       (select count(*) from pg_event_trigger t join pg_proc p on p.oid = t.evtfoid
         where p.pronamespace = n.oid and t.evtname like 'pgkeel\_%' and t.evtenabled <> 'D'),
       coalesce((select obj_description(t.oid, 'pg_event_trigger') from pg_event_trigger t
                  where t.evtname = 'pgkeel_1_refuse'), ''),
       (select substring(s from '=([0-9]{1,12})$')::int8 from pg_proc p, unnest(p.proconfig) s
         where p.pronamespace = n.oid and p.proname = 'drop_allowed' and s like 'pgkeel.window\_until=%'),
       coalesce((select substr(s, length('pgkeel.window_by=') + 1) from pg_proc p, unnest(p.proconfig) s
         where p.pronamespace = n.oid and p.proname = 'drop_allowed' and s like 'pgkeel.window\_by=%'), ''),
       coalesce((select rolsuper from pg_roles where oid = n.nspowner), false)
         and coalesce((select bool_and(r.rolsuper) and bool_or(p.proname = 'tell')
                         from pg_proc p join pg_roles r on r.oid = p.proowner
                        where p.pronamespace = n.oid), false),
       coalesce((select rolsuper from pg_roles where rolname = current_user), false)
  from (select 1) one left join pg_namespace n on n.nspname = 'pgkeel'
)sql";

}  // namespace pgkeel::maintain
