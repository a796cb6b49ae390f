// The half of an undrop that works in the copy. Of a table that comes back under its own name the
// copy is only read: foreign keys, which are put back last and apart, are left out of the script.
// Where another name is wanted, and of a database, it is changed in the copy first, which is ours
// and is thrown away.
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
    'bytes', case when c.relkind in ('r', 'm') then pg_catalog.pg_table_size(c.oid) else 0 end)
    order by c.oid)
  from family f join pg_catalog.pg_class c on c.oid = f.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'f', 'v', 'm'))";

constexpr const char* kForeignKeys = R"(
select pg_catalog.json_agg(pg_catalog.json_build_object(
    'table', c.conrelid::regclass::text, 'referenced', c.confrelid::regclass::text,
    'name', pg_catalog.quote_ident(c.conname), 'plain', c.conname, 'definition', pg_catalog.pg_get_constraintdef(c.oid),
    'partitioned', t.relkind = 'p'))
  from pg_catalog.pg_constraint c join pg_catalog.pg_class t on t.oid = c.conrelid
  where c.contype = 'f' and c.conparentid = 0 and (c.conrelid in ({0}) or {1} and c.confrelid in ({0})))";

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
  std::string kind;
  std::uint32_t oid = 0;
  std::uint64_t bytes = 0;
  bool unlogged = false;
};

const std::string& database_of(const Side& side) { return side.request->subject.database; }

Result<std::string> qualified(const UndropSubject& subject) {
  return pg::quote_qualified(subject.schema, subject.table);
}

std::vector<Member> members_of(const json& rows) {
  std::vector<Member> members;
  for (const auto& row : rows)
    members.push_back({row.value("schema", ""), row.value("name", ""), row.value("quoted", ""),
                       row.value("kind", ""), row.value("oid", std::uint32_t{0}),
                       row.value("bytes", std::uint64_t{0}), row.value("unlogged", false)});
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

Result<std::vector<ForeignKey>> take_foreign_keys(const Side& side,
                                                  const std::vector<Member>& members) {
  std::vector<std::string> oids;
  for (const auto& member : members) oids.push_back(std::to_string(member.oid));
  const bool those_to_it = side.request->as.table.empty();
  TRY(rows, ask_json(side.copy, database_of(side),
                     fmt::format(kForeignKeys, fmt::join(oids, ", "), those_to_it)));
  std::vector<ForeignKey> keys;
  for (const auto& row : rows.is_array() ? rows : json::array())
    keys.push_back({row.value("table", ""), row.value("name", ""), row.value("plain", ""),
                    row.value("definition", ""), row.value("referenced", ""),
                    row.value("partitioned", false)});
  return keys;
}

Result<std::int64_t> count_rows(const Side& side, const std::string& quoted) {
  TRY(count, ask_json(side.copy, database_of(side), "select count(*) from only " + quoted));
  return count.is_number() ? count.get<std::int64_t>() : 0;
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

Result<std::vector<std::string>> dump_options(const Side& side, const std::vector<Member>& members,
                                              bool schema_is_gone) {
  std::vector<std::string> options{"--strict-names"};
  if (schema_is_gone) {
    TRY(schema, pg::quote_identifier(wanted(*side.request).schema));
    options.push_back("--schema=" + schema);
    return options;
  }
  // A quoted name stands for itself, and one that needs no quotes has nothing special in it.
  for (const auto& member : members) options.push_back("--table=" + member.quoted);
  return options;
}

Result<void> note_rows(const Side& side, const std::vector<Member>& members, TakenOut& taken) {
  for (const auto& member : members) {
    if (member.kind != "r" && member.kind != "p") continue;
    UndroppedRelation relation{member.name, 0};
    if (member.kind == "r") {
      TRY(rows, count_rows(side, member.quoted));
      relation.rows = rows;
    }
    taken.relations.push_back(std::move(relation));
    taken.quoted.push_back(member.quoted);
  }
  return {};
}

// DROP DATABASE first marks it as invalid, then removes its files, then commits. A moment between
// the first two leaves all of it there, but for the limit of connections, which the mark replaced.
Result<void> revive_database(const Side& side, const std::string& literal) {
  TRY_VOID(run_psql(
      side.copy, "template1",
      "update pg_catalog.pg_database set datconnlimit = -1 where datname = " + literal + ";\n"));
  return {};
}

}  // namespace

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
  TRY(keys, take_foreign_keys(side, members));
  taken.foreign_keys = keys;
  TRY_VOID(note_rows(side, members, taken));
  if (schema_is_gone && (renamed || subject.schema == "public")) {
    TRY(schema, pg::quote_identifier(wanted(*side.request).schema));
    taken.new_schema = schema;
  }
  taken.script = side.scratch->work() / "table.sql";
  taken.script_behind_rows = side.scratch->work() / "behind_rows.sql";
  TRY(options, dump_options(side, members, whole_schema));
  DumpBehindRows behind{options, {}};
  for (const auto& key : taken.foreign_keys) behind.foreign_keys.push_back(key.plain);
  TRY_VOID(run_pg_dump_behind_rows(side.copy, subject.database, taken.script_behind_rows, behind));
  options.insert(options.end(), {"--section=pre-data", "--section=data"});
  TRY_VOID(run_pg_dump(side.copy, subject.database, taken.script, std::move(options)));
  return taken;
}

// The copy's database takes the half-made one's name and mark, so that the script makes that.
Result<TakenOut> take_database_out(const Side& side) {
  const auto& subject = side.request->subject;
  TRY(name, pg::quote_literal(subject.database));
  TRY(there, ask_json(side.copy, "template1",
                      "select pg_catalog.json_build_object('bytes', "
                      "pg_catalog.pg_database_size(oid), 'comment', "
                      "pg_catalog.shobj_description(oid, 'pg_database'), 'half_dropped', "
                      "datconnlimit = -2) from pg_catalog.pg_database where datname = " +
                          name));
  if (!there.is_object()) return fail(not_there(side, "database " + subject.database));
  TRY_VOID(ask_for_room(side, there.value("bytes", std::uint64_t{0})));
  if (there.value("half_dropped", false)) TRY_VOID(revive_database(side, name));
  TakenOut taken;
  if (there["comment"].is_string()) taken.comment = there["comment"].get<std::string>();
  TRY(tables, ask_json(side.copy, subject.database,
                       fmt::format(kFamily,
                                   "c.relkind in ('r', 'p') and c.relnamespace in (select "
                                   "oid from pg_catalog.pg_namespace where nspname !~ "
                                   "'^pg_' and nspname <> 'information_schema')")));
  if (tables.is_array()) TRY_VOID(note_rows(side, members_of(tables), taken));
  TRY(old_name, pg::quote_identifier(subject.database));
  TRY(new_name, pg::quote_identifier(half_made_name(wanted(*side.request))));
  TRY(mark, pg::quote_literal(half_made_mark(wanted(*side.request))));
  TRY_VOID(run_psql(side.copy, "template1",
                    fmt::format("alter database {} rename to {};\ncomment on database {} is {};\n",
                                old_name, new_name, new_name, mark)));
  taken.script = side.scratch->work() / "database.sql";
  TRY_VOID(run_pg_dump(side.copy, half_made_name(wanted(*side.request)), taken.script,
                       {"--create", "--no-subscriptions"}));
  return taken;
}

}  // namespace pgkeel::archive
