// See wholeness.hpp.
#include "chaos/accuracy/wholeness.hpp"

#include <fmt/format.h>

namespace pgkeel::chaos {
namespace {

constexpr std::string_view kOwnSchemas =
    "n.nspname not in ('pg_catalog', 'information_schema', 'pgkeel') and n.nspname !~ '^pg_t'";
// Written to all the time; what was acknowledged of it is counted one by one.
constexpr std::string_view kWritersTable = "public.ledger";

// Name and definition of whatever a schema holds.
constexpr std::string_view kDefinitions = R"(
select 'column ' || a.attrelid::regclass || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                 pg_get_expr(d.adbin, d.adrelid))
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm') and {0}
union all
select 'index ' || i.indexrelid::regclass, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid)
  from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace where {0}
union all
select 'constraint ' || o.conname || ' of ' || o.conrelid::regclass, pg_get_constraintdef(o.oid)
  from pg_constraint o join pg_class c on c.oid = o.conrelid join pg_namespace n on n.oid = c.relnamespace where {0}
union all
select 'owner and rights of ' || c.oid::regclass, concat_ws(' ', pg_get_userbyid(c.relowner), c.relacl)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S') and {0}
union all
select 'sequence ' || s.schemaname || '.' || s.sequencename, coalesce(s.last_value::text, '')
  from pg_sequences s
union all
select 'schema ' || n.nspname, pg_get_userbyid(n.nspowner) from pg_namespace n where {0}
union all
select 'role ' || r.rolname, concat_ws(' ', r.rolsuper, r.rolcanlogin) from pg_roles r)";

std::vector<std::string> databases_of(const Site& site) {
  std::vector<std::string> names;
  for (auto& row : site.server().rows("select datname from pg_database where datallowconn and not "
                                      "datistemplate order by 1"))
    names.push_back(row.at(0).value_or(""));
  return names;
}

// Whole rows are read, so that no index answers for the table.
std::string digest_of_rows(const Site& site, const std::string& database,
                           const std::string& table) {
  constexpr std::string_view kRows =
      "set lock_timeout = '10s'; select count(*) || ' rows, ' || "
      "coalesce(md5(string_agg(md5(t::text), '' order by "
      "md5(t::text))), '') from {} t";
  try {
    return site.server().query(fmt::format(kRows, table), database);
  } catch (const std::exception&) {
    return {};  // damaged
  }
}

}  // namespace

Wholeness Wholeness::of(Site& site) {
  Wholeness whole;
  for (const auto& database : databases_of(site)) {
    const auto note = [&](const std::string& what, std::string digest) {
      whole.digests_[database + ": " + what] = std::move(digest);
    };
    const auto definitions = fmt::format(fmt::runtime(kDefinitions), kOwnSchemas);
    for (auto& row : site.server().rows(definitions, database))
      note(row.at(0).value_or(""), row.at(1).value_or(""));
    const auto tables = fmt::format(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid "
        "= c.relnamespace where c.relkind = 'r' and {}",
        kOwnSchemas);
    for (auto& row : site.server().rows(tables, database)) {
      const auto table = row.at(0).value_or("");
      if (table != kWritersTable) note("rows of " + table, digest_of_rows(site, database, table));
    }
  }
  return whole;
}

std::vector<std::string> Wholeness::damage_in(const Wholeness& after) const {
  std::vector<std::string> damage;
  for (const auto& [what, digest] : digests_) {
    const bool nothing = digest.empty() || digest.starts_with("0 rows");
    if (nothing && what.contains("rows of ")) continue;
    const auto now = after.digests_.find(what);
    if (now == after.digests_.end()) damage.push_back(what + " is gone");
    else if (now->second != digest)
      damage.push_back(fmt::format("{} was '{}', is '{}'", what, digest, now->second));
  }
  return damage;
}

}  // namespace pgkeel::chaos
