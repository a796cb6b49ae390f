// The half of an undrop that works in the copy. Of a table that comes back under its own name the
// copy is only read: foreign keys, which are put back last and apart, are left out of the script.
// Where another name is wanted it is changed in the copy first, which is ours and is thrown away.
#include <fmt/format.h>

#include "archive/undrop/parts.hpp"
#include "pg/sql_text.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

using nlohmann::json;

// The script, the rows and their WAL, where all are on one disk.
constexpr std::uint64_t kRoomPerByte = 3;

// A table with its partitions and heirs, and the views over any of them, which go with it in a
// DROP ... CASCADE; or everything of a schema.
constexpr const char* kFamily = R"(
with recursive family(oid) as (
  select c.oid from pg_catalog.pg_class c where {}
  union
  select next.oid from family f, lateral (
    select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = f.oid
    union all
    select r.ev_class from pg_catalog.pg_depend d
      join pg_catalog.pg_rewrite r on r.oid = d.objid and d.classid = 'pg_catalog.pg_rewrite'::regclass
      where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = f.oid
        and r.ev_class <> f.oid) next(oid)
)
select pg_catalog.json_agg(pg_catalog.json_build_object(
    'schema', n.nspname, 'name', n.nspname || '.' || c.relname, 'kind', c.relkind, 'unlogged', c.relpersistence = 'u',
    'oid', c.oid::int8, 'quoted', pg_catalog.format('%I.%I', n.nspname, c.relname),
    'columns', (select '(' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attnum) || ')'
      from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''),
    'binary', not exists (select from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
        left join pg_catalog.pg_type e on e.oid = t.typelem
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and (t.oid >= 10000 or t.typtype not in ('b', 'r', 'm') or t.typsend::oid = 0 or t.typreceive::oid = 0
          or t.typname ~ '^_?reg' or e.typsend::oid = 0 or e.typreceive::oid = 0)),
    'root', (select pg_catalog.format('%I.%I', m.nspname, r.relname)
      from pg_catalog.pg_class r join pg_catalog.pg_namespace m on m.oid = r.relnamespace
      where c.relispartition and r.oid = pg_catalog.pg_partition_root(c.oid) and exists (
        select from pg_catalog.pg_partition_ancestors(c.oid) a join pg_catalog.pg_partitioned_table p on p.partrelid = a.relid
          where p.partstrat = 'h')),
    'bytes', case when c.relkind in ('r', 'm') then pg_catalog.pg_table_size(c.oid) else 0 end)
    order by c.oid)
  from family f join pg_catalog.pg_class c on c.oid = f.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'f', 'v', 'm') and not exists (select from pg_catalog.pg_depend x
    where x.classid = 'pg_catalog.pg_class'::regclass and x.objid = c.oid and x.deptype = 'e'))";

constexpr const char* kTablesOfPeople =
    "c.relkind in ('r', 'p') and c.relnamespace in (select oid from pg_catalog.pg_namespace where "
    "nspname !~ '^pg_' and nspname <> 'information_schema')";

// What CREATE DATABASE takes, and what is said of it afterwards, under another name. The value of a
// setting is as the server keeps it, lists included: only set_config() takes that. Columns that not
// every major has are asked by name.
constexpr const char* kDatabase = R"(
select pg_catalog.json_build_object('bytes', pg_catalog.pg_database_size(d.oid),
  'comment', pg_catalog.shobj_description(d.oid, 'pg_database'), 'half_dropped', d.datconnlimit = -2,
  'create', pg_catalog.format('create database %I template template0 encoding %L lc_collate %L lc_ctype %L%s%s', {1},
    pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
    case o.fields ->> 'datlocprovider'
      when 'i' then ' locale_provider icu icu_locale '
        || pg_catalog.quote_literal(coalesce(o.fields ->> 'datlocale', o.fields ->> 'daticulocale'))
        || coalesce(' icu_rules ' || pg_catalog.quote_literal(o.fields ->> 'daticurules'), '')
      when 'b' then ' locale_provider builtin builtin_locale ' || pg_catalog.quote_literal(o.fields ->> 'datlocale') end,
    (select pg_catalog.format(' tablespace %I', t.spcname) from pg_catalog.pg_tablespace t
       where t.oid = d.dattablespace and t.spcname <> 'pg_default')),
  'properties', (select pg_catalog.json_agg(p.statement order by p.place) from (
    select 1 as place, pg_catalog.format('alter database %I owner to %I', {1}, pg_catalog.pg_get_userbyid(d.datdba)) as statement
    union all select 2, pg_catalog.format('alter database %I connection limit %s', {1}, d.datconnlimit) where d.datconnlimit >= 0
    union all select 3, pg_catalog.format('alter database %I is_template true', {1}) where d.datistemplate
    union all select 4, pg_catalog.format('begin; select pg_catalog.set_config(%L, %L, true); alter %sdatabase %I set %I from current; commit',
        pg_catalog.split_part(c, '=', 1), pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1),
        case when s.setrole <> 0 then pg_catalog.format('role %I in ', pg_catalog.pg_get_userbyid(s.setrole)) end,
        {1}, pg_catalog.split_part(c, '=', 1))
      from pg_catalog.pg_db_role_setting s, unnest(s.setconfig) c where s.setdatabase = d.oid
    union all select 5, pg_catalog.format('revoke all on database %I from public', {1}) where d.datacl is not null
    union all select 6, pg_catalog.format('grant %s on database %I to %s%s', a.privilege_type, {1},
        case a.grantee when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end,
        case when a.is_grantable then ' with grant option' end)
      from pg_catalog.aclexplode(d.datacl) a) p))
  from pg_catalog.pg_database d, lateral (select pg_catalog.to_jsonb(d) as fields) o where d.datname = {0})";

constexpr const char* kForeignKeys = R"(
select pg_catalog.json_agg(pg_catalog.json_build_object(
    'table', c.conrelid::regclass::text, 'referenced', c.confrelid::regclass::text,
    'name', pg_catalog.quote_ident(c.conname), 'plain', c.conname, 'definition', pg_catalog.pg_get_constraintdef(c.oid),
    'partitioned', t.relkind = 'p'))
  from pg_catalog.pg_constraint c join pg_catalog.pg_class t on t.oid = c.conrelid
  where c.contype = 'f' and c.conparentid = 0 and (c.conrelid in ({0}) or {1} and c.confrelid in ({0})))";

constexpr const char* kStatistics = R"(
select pg_catalog.json_agg(s.statement) from (
  select unnest(array[pg_catalog.pg_get_statisticsobjdef(e.oid),
      pg_catalog.format('alter statistics %I.%I owner to %I', n.nspname, e.stxname, pg_catalog.pg_get_userbyid(e.stxowner)),
      case when e.stxstattarget >= 0 then pg_catalog.format('alter statistics %I.%I set statistics %s', n.nspname,
        e.stxname, e.stxstattarget) end]) as statement
    from pg_catalog.pg_statistic_ext e join pg_catalog.pg_namespace n on n.oid = e.stxnamespace
    where e.stxrelid in ({})) s where s.statement is not null;
)";

// Row filters and lists of columns came with 15.
constexpr const char* kPublications = R"(
select pg_catalog.current_setting('server_version_num')::int >= 150000 as filters \gset
\if :filters
select pg_catalog.json_agg(pg_catalog.format('alter publication %I add table only %s%s%s', p.pubname, r.prrelid::regclass,
    (select ' (' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' order by a.attnum) || ')'
       from pg_catalog.pg_attribute a where a.attrelid = r.prrelid and a.attnum = any(r.prattrs)),
    ' where (' || pg_catalog.pg_get_expr(r.prqual, r.prrelid) || ')'))
  from pg_catalog.pg_publication_rel r join pg_catalog.pg_publication p on p.oid = r.prpubid where r.prrelid in ({0});
\else
select pg_catalog.json_agg(pg_catalog.format('alter publication %I add table only %s', p.pubname, r.prrelid::regclass))
  from pg_catalog.pg_publication_rel r join pg_catalog.pg_publication p on p.oid = r.prpubid where r.prrelid in ({0});
\endif
)";

// The table, then what is named after it: indexes, those of constraints included, and sequences.
constexpr const char* kRename = R"(
alter table {0} rename to {1};
do {5} declare r record; begin
  for r in
    select case c.relkind when 'S' then 'sequence' else 'index' end as kind, n.nspname, c.relname
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid in (
        select indexrelid from pg_index where indrelid = {2}::regclass union all
        select objid from pg_depend where classid = 'pg_class'::regclass and objsubid = 0
          and refclassid = 'pg_class'::regclass and refobjid = {2}::regclass and deptype in ('a', 'i'))
      and c.relkind in ('i', 'I', 'S')
  loop
    execute format('alter %s %I.%I rename to %I', r.kind, r.nspname, r.relname,
      left(case when starts_with(r.relname, {3}) then {4} || substr(r.relname, length({3}) + 1)
                else {4} || '_' || r.relname end, 63));
  end loop;
end {5};
)";

struct Member {
  std::string schema;
  std::string name;
  std::string quoted;
  std::string columns;  ///< "(id, name)", those that are written
  std::string kind;
  std::string root;  ///< quoted, of a partition by hash
  std::uint32_t oid = 0;
  std::uint64_t bytes = 0;
  bool unlogged = false;
  bool binary = false;  ///< types of PostgreSQL itself, whose binary form names no other object
};

const std::string& database_of(const Side& side) { return side.request->subject.database; }

Result<std::string> qualified(const UndropSubject& subject) {
  return pg::quote_qualified(subject.schema, subject.table);
}

std::string text_of(const json& row, const char* key) {
  return row[key].is_string() ? row[key].get<std::string>() : std::string();
}

std::vector<Member> members_of(const json& rows) {
  std::vector<Member> members;
  for (const auto& row : rows)
    members.push_back({.schema = text_of(row, "schema"),
                       .name = text_of(row, "name"),
                       .quoted = text_of(row, "quoted"),
                       .columns = text_of(row, "columns"),
                       .kind = text_of(row, "kind"),
                       .root = text_of(row, "root"),
                       .oid = row.value("oid", std::uint32_t{0}),
                       .bytes = row.value("bytes", std::uint64_t{0}),
                       .unlogged = row.value("unlogged", false),
                       .binary = row.value("binary", false)});
  return members;
}

Result<std::vector<Member>> family_of(const Side& side, const UndropSubject& subject,
                                      bool schema_is_gone) {
  TRY(schema, pg::quote_literal(subject.schema));
  TRY(table, pg::quote_literal(subject.table));
  auto which = fmt::format(
      "c.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = {})", schema);
  if (!schema_is_gone) which += fmt::format(" and c.relname = {}", table);
  TRY(rows, ask_json(side.copy, subject.database, fmt::format(kFamily, which)));
  return rows.is_array() ? members_of(rows) : std::vector<Member>();
}

std::string oids_of(const std::vector<Member>& members) {
  std::vector<std::string> oids;
  for (const auto& member : members) oids.push_back(std::to_string(member.oid));
  return fmt::format("{}", fmt::join(oids, ", "));
}

std::vector<std::string> statements_of(const json& rows) {
  std::vector<std::string> statements;
  for (const auto& row : rows.is_array() ? rows : json::array())
    if (row.is_string()) statements.push_back(row.get<std::string>());
  return statements;
}

std::vector<ForeignKey> foreign_keys_of(const json& rows) {
  std::vector<ForeignKey> keys;
  for (const auto& row : rows.is_array() ? rows : json::array())
    keys.push_back({row.value("table", ""), row.value("name", ""), row.value("plain", ""),
                    row.value("definition", ""), row.value("referenced", ""),
                    row.value("partitioned", false)});
  return keys;
}

Result<void> rename(const Side& side) {
  const auto& subject = side.request->subject;
  const auto& as = side.request->as;
  TRY(from, qualified(subject));
  TRY(renamed, pg::quote_qualified(subject.schema, as.table));
  TRY(schema, pg::quote_identifier(as.schema));
  TRY(table, pg::quote_identifier(as.table));
  TRY(literal, pg::quote_literal(renamed));
  TRY(old_name, pg::quote_literal(subject.table));
  TRY(new_name, pg::quote_literal(as.table));
  std::string script;
  if (as.table != subject.table)
    script = fmt::format(kRename, from, table, literal, old_name, new_name,
                         dollar_tag(literal + old_name + new_name));
  script += fmt::format("create schema if not exists {0};\nalter table {1} set schema {0};\n",
                        schema, renamed);
  TRY_VOID(run_psql(side.copy, subject.database, std::move(script)));
  return {};
}

// Those of a family that are missing in the live database; the subject itself always is.
std::vector<Member> missing_ones(std::vector<Member> family, const LiveNames& live) {
  std::erase_if(family, [&](const Member& member) { return live.contains(member.name); });
  return family;
}

// The definition of a view or a rule is read with locks on all it names, and pg_dump waits for
// those for ever: on a standby, until a transaction has ended that it has not been given the end
// of.
constexpr const char* kWaitsForLocks = R"(
select pg_catalog.to_json(exists (select from pg_catalog.pg_rewrite where ev_class in ({}))
  and exists (select from pg_catalog.pg_locks l join pg_catalog.pg_database d on d.oid = l.database
    where d.datname = pg_catalog.current_database() and l.granted and l.mode = 'AccessExclusiveLock'
      and l.relation is not null)))";

// What belongs to them and is in no definition of theirs. Another name is not what was published.
Result<void> take_belongings(const Side& side, const std::vector<Member>& members,
                             bool whole_schema, TakenOut& taken) {
  const auto oids = oids_of(members);
  const bool renamed = !side.request->as.table.empty();
  TRY(answers,
      ask_all(side.copy, database_of(side),
              {fmt::format(kWaitsForLocks, oids), fmt::format(kForeignKeys, oids, !renamed),
               fmt::format(kPublications, oids), fmt::format(kStatistics, oids)}));
  if (side.read_only() && answers[0] == true)
    return fail(ErrorCode::WrongState,
                "the transaction that is to be undone has locked other tables too");
  taken.foreign_keys = foreign_keys_of(answers[1]);
  if (renamed) return {};
  taken.afterwards = statements_of(answers[2]);
  const auto statistics = whole_schema ? std::vector<std::string>() : statements_of(answers[3]);
  taken.afterwards.insert(taken.afterwards.end(), statistics.begin(), statistics.end());
  return {};
}

// A copy beside something that exists is the table alone, under the other name.
Result<std::vector<Member>> renamed_alone(const Side& side, const std::vector<Member>& family) {
  const auto& subject = side.request->subject;
  for (const auto& member : family)
    if (member.name == subject.schema + "." + subject.table && member.kind != "r")
      return fail(Error(ErrorCode::NotSupported,
                        "--as takes one table, which " + subject.describe() + " is not")
                      .with_hint("'pgkeel restore --into DIR' brings the whole cluster back."));
  TRY_VOID(rename(side));
  TRY(renamed, family_of(side, wanted(*side.request), false));
  std::erase_if(renamed, [](const Member& member) { return member.kind != "r"; });
  return std::vector<Member>(renamed.begin(), renamed.begin() + (renamed.empty() ? 0 : 1));
}

// Of sequences the values are in the definitions.
void leave_out_rows(const std::vector<Member>& members, std::vector<std::string>& options) {
  for (const auto& member : members)
    if (member.kind == "r") options.push_back("--exclude-table-data=" + member.quoted);
}

// A quoted name stands for itself, and one that needs no quotes has nothing special in it.
Result<std::vector<std::string>> dump_options(const Side& side, const std::vector<Member>& members,
                                              bool schema_is_gone) {
  std::vector<std::string> options{"--strict-names", "--no-unlogged-table-data"};
  if (schema_is_gone) {
    TRY(schema, pg::quote_identifier(wanted(*side.request).schema));
    options.push_back("--schema=" + schema);
  }
  if (!schema_is_gone)
    for (const auto& member : members) options.push_back("--table=" + member.quoted);
  leave_out_rows(members, options);
  return options;
}

DefinitionFiles files_in(const Scratch& scratch) {
  const auto work = scratch.work();
  return {work / "before_rows.sql", work / "values.sql", work / "behind_rows.sql"};
}

// What is unlogged cannot be read where nothing may be changed.
void note_tables(const Side& side, const std::vector<Member>& members, TakenOut& taken) {
  for (const auto& member : members) {
    if (member.kind != "r" && member.kind != "p") continue;
    const bool root_too = std::ranges::find(members, member.root, &Member::quoted) != members.end();
    if (member.kind == "r" && !(side.read_only() && member.unlogged))
      taken.rows.push_back({.quoted = member.quoted,
                            .into = root_too ? member.root : member.quoted,
                            .columns = member.columns,
                            .binary = member.binary,
                            .relation = taken.relations.size()});
    taken.relations.push_back({member.name, 0});
    taken.quoted.push_back(member.quoted);
  }
}

// DROP DATABASE first marks it as invalid, then removes its files, then commits. A moment between
// the first two leaves all of it there, but for the limit of connections, which the mark replaced.
Result<void> revive_database(const Side& side, const std::string& literal) {
  if (side.read_only()) return fail(ErrorCode::WrongState, "the shadow has the database half gone");
  TRY_VOID(run_psql(
      side.copy, "template1",
      "update pg_catalog.pg_database set datconnlimit = -1 where datname = " + literal + ";\n"));
  return {};
}

}  // namespace

Error of_copy(const Side& side, const Error& error) {
  const bool its_own = error.code == ErrorCode::Query || error.code == ErrorCode::ConnectionLost;
  if (!side.read_only() || !its_own) return error;
  return {ErrorCode::WrongState, "the shadow cannot be read where it stands: " + error.message()};
}

Result<void> stood_still(const Side& side) {
  if (!side.read_only()) return {};
  TRY(still,
      ask_json(side.copy, "template1",
               fmt::format("select pg_catalog.to_json(pg_catalog.pg_last_wal_replay_lsn() <= "
                           "'{}'::pg_lsn)",
                           to_string(side.request->standing->lsn))));
  if (still.is_boolean() && still.get<bool>()) return {};
  return fail(moved_on());
}

Error moved_on() {
  return Error(ErrorCode::WrongState, "the shadow went on while it was read; nothing was done")
      .with_hint("Give the command again: it takes the backup then.");
}

Error not_there(const Side& side, const std::string& what) {
  return Error(ErrorCode::NotFound,
               fmt::format("{} did not exist at {}", what, side.request->restore.target.describe()))
      .with_hint("Name a moment at which it did: --at '2026-11-21 03:00:00'.");
}

Result<void> ask_for_room(const Side& side, std::uint64_t bytes) {
  std::vector<std::filesystem::path> places{side.scratch->base()};
  if (const auto& live = side.request->live_data_dir; !live.empty()) places.push_back(live);
  const auto wanted = bytes * kRoomPerByte + kRoomLeft;
  for (const auto& place : places) {
    TRY(space, runtime::disk_space(place));
    if (space.bytes_free < wanted)
      return fail(ErrorCode::DiskFull,
                  fmt::format("copying {} needs {} free in {}, there are {}", format_size(bytes),
                              format_size(wanted), place.string(), format_size(space.bytes_free)));
  }
  return {};
}

Result<TakenOut> take_table_out(const Side& side, const LiveNames& live, bool schema_is_gone) {
  const auto& subject = side.request->subject;
  const bool renamed = !side.request->as.table.empty();
  const bool whole_schema = schema_is_gone && !renamed;
  TRY(family, family_of(side, subject, whole_schema));
  const auto own = subject.schema + "." + subject.table;
  if (std::ranges::find(family, own, &Member::name) == family.end())
    return fail(not_there(side, subject.describe()));
  auto members = missing_ones(family, live);
  if (whole_schema)  // the script holds nothing of another schema
    std::erase_if(members, [&](const Member& member) { return member.schema != subject.schema; });
  if (renamed) {
    TRY(alone, renamed_alone(side, family));
    members = alone;
  }
  std::uint64_t bytes = 0;
  for (const auto& member : members) bytes += member.bytes;
  TRY_VOID(ask_for_room(side, bytes));
  TakenOut taken;
  TRY_VOID(take_belongings(side, members, whole_schema, taken));
  note_tables(side, members, taken);
  if (schema_is_gone && (renamed || subject.schema == "public")) {
    TRY(schema, pg::quote_identifier(wanted(*side.request).schema));
    taken.new_schema = schema;
  }
  TRY(options, dump_options(side, members, whole_schema));
  taken.files = files_in(*side.scratch);
  Definitions definitions{options, {}, taken.files};
  for (const auto& key : taken.foreign_keys) definitions.foreign_keys.push_back(key.plain);
  TRY_VOID(dump_definitions(side.copy, subject.database, definitions));
  return taken;
}

Result<TakenOut> take_database_out(const Side& side) {
  const auto& subject = side.request->subject;
  TRY(name, pg::quote_literal(subject.database));
  TRY(half_made, pg::quote_literal(half_made_name(wanted(*side.request))));
  TRY(there, ask_json(side.copy, "template1", fmt::format(kDatabase, name, half_made)));
  if (!there.is_object()) return fail(not_there(side, "database " + subject.database));
  TRY_VOID(ask_for_room(side, there.value("bytes", std::uint64_t{0})));
  if (there.value("half_dropped", false)) TRY_VOID(revive_database(side, name));
  TakenOut taken;
  taken.comment = text_of(there, "comment");
  taken.create = text_of(there, "create");
  taken.afterwards = there["properties"].get<std::vector<std::string>>();
  TRY(tables, ask_json(side.copy, subject.database, fmt::format(kFamily, kTablesOfPeople)));
  const auto members = tables.is_array() ? members_of(tables) : std::vector<Member>();
  note_tables(side, members, taken);
  taken.files = files_in(*side.scratch);
  Definitions definitions{{"--no-subscriptions"}, {}, taken.files, true};
  leave_out_rows(members, definitions.options);
  TRY_VOID(dump_definitions(side.copy, subject.database, definitions));
  return taken;
}

}  // namespace pgkeel::archive
