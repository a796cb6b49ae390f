// See merge.hpp.
#include "archive/undrop/merge.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "pg/sql_text.hpp"

namespace pgkeel::archive {
namespace {

using nlohmann::json;

// Keys are columns that are never null, of an index that is there for every row and at once: only
// such a one decides whether a row is there already. `same` says it as the index does, with its own
// operators and collations: those of an extension's type are in no search_path of ours.
constexpr const char* kShape = R"(
select pg_catalog.json_build_object('kind', c.relkind, 'bytes', pg_catalog.pg_table_size(c.oid),
  'columns', (select pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', pg_catalog.quote_ident(a.attname), 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'generated', a.attgenerated <> '') order by a.attname)
    from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'keys', (select pg_catalog.json_agg(pg_catalog.json_build_object('columns', k.columns, 'same', k.same)
      order by k.first desc, k.name) from (
    select i.indisprimary as first, i.indexrelid::regclass::text as name, (
        select pg_catalog.json_agg(pg_catalog.quote_ident(a.attname) order by a.attname)
        from pg_catalog.pg_attribute a where a.attrelid = c.oid
          and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1])) as columns, (
        select pg_catalog.string_agg(pg_catalog.format('m.%1$I operator(%2$I.%3$s) t.%1$I%4$s', a.attname,
            n.nspname, o.oprname, case when l.oid is not null then pg_catalog.format(' collate %s.%I',
              l.collnamespace::pg_catalog.regnamespace::text, l.collname) end), ' and ')
          from unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[]) k(number, class, coll)
          join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
          join pg_catalog.pg_opclass p on p.oid = k.class
          join pg_catalog.pg_am b on b.oid = p.opcmethod and b.amname = 'btree'
          join pg_catalog.pg_amop w on w.amopfamily = p.opcfamily and w.amopstrategy = 3
            and w.amoplefttype = p.opcintype and w.amoprighttype = p.opcintype
          join pg_catalog.pg_operator o on o.oid = w.amopopr
          join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
          left join pg_catalog.pg_collation l on l.oid = k.coll) as same
      from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid
        and i.indimmediate and i.indpred is null and i.indexprs is null
        and not exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid
          and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1]) and not a.attnotnull)) k))
from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass({}))";

constexpr const char* kBegin = R"(
begin isolation level read committed;
set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0;
set local row_security = off;
create temporary table pgkeel_merge on commit drop as select {columns} from only {table} limit 0;
\copy pg_temp.pgkeel_merge from {file}
do {tag} begin
  if (select count(*) from pg_temp.pgkeel_merge) <> {rows} then
    raise exception 'not all of the {rows} rows were read'; end if;
end {tag};
analyze pg_temp.pgkeel_merge;
set local lock_timeout = '5s';
)";

// What an app does when it writes a row was done when this row was written. A partition's triggers
// are its own, clones of its parent's too: each is switched alone, and back to what it was. Before
// PostgreSQL 15 clones are internal; those of foreign keys are checks, which stay.
constexpr const char* kTriggersOff = R"(
create temporary view pgkeel_users_triggers as
  select g.tgrelid, g.tgname, g.tgenabled from pg_catalog.pg_trigger g
    where g.tgrelid in (select {literal}::regclass union
        select relid from pg_catalog.pg_partition_tree({literal}::regclass))
      and g.tgenabled <> 'D' and (not g.tgisinternal or g.tgparentid <> 0 and (g.tgconstraint = 0 or
        exists (select from pg_catalog.pg_constraint k where k.oid = g.tgconstraint and k.contype = 't')));
do {tag} declare r record; begin
  for r in select distinct tgrelid from pg_temp.pgkeel_users_triggers loop
    execute pg_catalog.format('lock table only %s in share row exclusive mode', r.tgrelid::regclass);
  end loop;
end {tag};
create temporary table pgkeel_triggers on commit drop as select * from pg_temp.pgkeel_users_triggers;
drop view pg_temp.pgkeel_users_triggers;
do {tag} declare r record; begin
  for r in select tgrelid, tgname from pg_temp.pgkeel_triggers loop
    execute pg_catalog.format('alter table only %s disable trigger %I', r.tgrelid::regclass, r.tgname);
  end loop;
end {tag};
)";

constexpr const char* kTriggersOn = R"(
do {tag} declare r record; begin
  for r in select tgrelid, tgname, tgenabled from pg_temp.pgkeel_triggers loop
    execute pg_catalog.format('alter table only %s enable %s trigger %I', r.tgrelid::regclass,
      case r.tgenabled when 'A' then 'always' when 'R' then 'replica' else '' end, r.tgname);
  end loop;
end {tag};
)";

// The index decides which rows are there already. They are compared as text: not every type knows
// whether two of its values are equal.
constexpr const char* kInsert = R"(
create temporary table pgkeel_added (rows bigint) on commit drop;
with added as (
  insert into {table} ({columns}) overriding system value select {columns} from pg_temp.pgkeel_merge
    on conflict ({key}) do nothing returning 1)
insert into pg_temp.pgkeel_added select count(*) from added;
set constraints all immediate;
create temporary table pgkeel_merged on commit drop as
  select count(*) as differing from pg_temp.pgkeel_merge m join {only}{table} t on {same}
    where row({mine})::text <> row({theirs})::text;
)";

// Without a key nothing tells rows apart. Where there are none nothing has to: the lock keeps it
// so.
constexpr const char* kInsertIntoEmpty = R"(
lock table {only}{table} in share row exclusive mode;
do {tag} begin
  if exists (select from {only}{table}) then
    raise exception 'it has rows by now, and no key to tell them apart by'; end if;
end {tag};
create temporary table pgkeel_added (rows bigint) on commit drop;
with added as (
  insert into {table} ({columns}) overriding system value select {columns} from pg_temp.pgkeel_merge
    returning 1)
insert into pg_temp.pgkeel_added select count(*) from added;
set constraints all immediate;
create temporary table pgkeel_merged on commit drop as select 0 as differing;
)";

// Sequences that give this table its numbers, its own and others, go on behind the highest.
constexpr const char* kSequences = R"(
do {tag} declare r record; highest bigint; begin
  for r in
    select s.seqrelid::regclass::text as sequence, pg_catalog.quote_ident(a.attname) as name
      from pg_catalog.pg_attribute a
      join (select refobjid as relation, refobjsubid as number, objid as sequence
              from pg_catalog.pg_depend where classid = 'pg_catalog.pg_class'::regclass
                and refclassid = 'pg_catalog.pg_class'::regclass and deptype in ('a', 'i')
            union
            select f.adrelid, f.adnum, d.refobjid from pg_catalog.pg_depend d
              join pg_catalog.pg_attrdef f on f.oid = d.objid
              where d.classid = 'pg_catalog.pg_attrdef'::regclass
                and d.refclassid = 'pg_catalog.pg_class'::regclass) o
        on o.relation = a.attrelid and o.number = a.attnum
      join pg_catalog.pg_sequence s on s.seqrelid = o.sequence and s.seqincrement > 0
      where a.attrelid = {literal}::regclass
        and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
  loop
    execute pg_catalog.format('select max(%s) from %s', r.name, {literal}) into highest;
    execute pg_catalog.format('select pg_catalog.setval(%L, $1) from %s where last_value < $1 or '
      '(last_value = $1 and not is_called)', r.sequence, r.sequence) using highest;
  end loop;
end {tag};
)";

constexpr const char* kEnd = R"(
select pg_catalog.json_build_object('added', (select rows from pg_temp.pgkeel_added),
  'kept', {rows} - (select rows from pg_temp.pgkeel_added), 'differing', differing)
  from pg_temp.pgkeel_merged;
commit;
)";

struct Key {
  std::vector<std::string> columns;  ///< quoted
  std::string same;                  ///< when the rows m and t are the same one
};

struct Shape {
  std::string kind;
  std::uint64_t bytes = 0;
  std::vector<std::string> columns;  ///< "id bigint", quoted; for comparing
  std::vector<std::string> stored;   ///< names of those that are written
  std::vector<Key> keys;             ///< the primary key first
};

// The heirs of a table are tables of their own.
const char* only_of(const Shape& shape) { return shape.kind == "p" ? "" : "only "; }

Error in_the_way(const UndropRequest& request, const std::string& why) {
  return Error(ErrorCode::Refused,
               fmt::format("{} cannot be merged: {}", request.subject.describe(), why))
      .with_hint("Bring it back beside that one: --as another_name, and choose the rows yourself.");
}

Result<std::optional<Shape>> read_shape(const ClientSide& side, const UndropSubject& subject) {
  TRY(name, pg::quote_qualified(subject.schema, subject.table));
  TRY(literal, pg::quote_literal(name));
  TRY(row, ask_json(side, subject.database, fmt::format(kShape, literal)));
  if (!row.is_object()) return std::nullopt;
  Shape shape;
  shape.kind = row.value("kind", "");
  shape.bytes = row.value("bytes", std::uint64_t{0});
  for (const auto& column : row["columns"].is_array() ? row["columns"] : json::array()) {
    const auto column_name = column.value("name", "");
    const bool generated = column.value("generated", false);
    shape.columns.push_back(fmt::format("{} {}{}", column_name, column.value("type", ""),
                                        generated ? " generated" : ""));
    if (!generated) shape.stored.push_back(column_name);
  }
  for (const auto& key : row["keys"].is_array() ? row["keys"] : json::array())
    if (key["columns"].is_array() && key["same"].is_string())
      shape.keys.push_back({key["columns"].get<std::vector<std::string>>(), key["same"]});
  return shape;
}

Result<Shape> live_shape(const UndropRequest& request) {
  TRY(shape, read_shape(request.live, request.subject));
  if (!shape) return fail(in_the_way(request, "it is gone"));
  if (shape->kind != "r" && shape->kind != "p") return fail(in_the_way(request, "it is no table"));
  if (shape->keys.empty()) {
    TRY(table, pg::quote_qualified(request.subject.schema, request.subject.table));
    TRY(filled, ask_json(request.live, request.subject.database,
                         fmt::format("select pg_catalog.to_json(exists(select from {}{}))",
                                     only_of(*shape), table)));
    if (filled != json(false))
      return fail(in_the_way(request,
                             "it has rows, no primary key, and no unique key whose columns are "
                             "never null, to tell them apart by"));
  }
  return *shape;
}

std::string only_in(const std::vector<std::string>& these, const std::vector<std::string>& those) {
  std::vector<std::string> found;
  std::ranges::set_difference(these, those, std::back_inserter(found));
  return found.empty() ? "no more" : fmt::format("{}", fmt::join(found, ", "));
}

// The key by which rows are told apart: one that both have, the live table's primary key before.
// Of an empty table without one nothing.
Result<Key> agree(const UndropRequest& request, Shape live, Shape copy) {
  std::ranges::sort(live.columns);
  std::ranges::sort(copy.columns);
  if (live.columns != copy.columns)
    return fail(in_the_way(request, fmt::format("its columns are others now: it has {}, it had {}",
                                                only_in(live.columns, copy.columns),
                                                only_in(copy.columns, live.columns))));
  if (live.keys.empty()) return Key{};
  for (const auto& key : live.keys)
    if (std::ranges::find(copy.keys, key.columns, &Key::columns) != copy.keys.end()) return key;
  return fail(in_the_way(request, "it has another key now than it had"));
}

std::string list(const std::vector<std::string>& names, std::string_view of = "") {
  std::vector<std::string> each;
  for (const auto& name : names) each.push_back(std::string(of) + name);
  return fmt::format("{}", fmt::join(each, ", "));
}

// In the file of the copy's rows, by now as many as are given back.
Result<std::int64_t> take_rows(const Side& side, const Shape& shape, const std::string& table,
                               const std::filesystem::path& file) {
  const auto& database = side.request->subject.database;
  const auto* const only = only_of(shape);
  TRY(count, ask_json(side.copy, database, fmt::format("select count(*) from {}{}", only, table)));
  TRY_VOID(run_psql(side.copy, database,
                    fmt::format("{}set search_path to '';\nset row_security = off;\n"
                                "copy (select {} from {}{}) to stdout \\g {}\n",
                                kSameForms, list(shape.stored), only, table, psql_word(file))));
  return count.is_number() ? count.get<std::int64_t>() : 0;
}

using Words = std::map<std::string, std::string, std::less<>>;

// Every {name} of the text by its word, in one pass: what a word holds is not looked into.
std::string filled(std::string_view text, const Words& words) {
  std::string script;
  while (true) {
    const auto open = text.find('{');
    script += text.substr(0, open);
    if (open == std::string_view::npos) return script;
    const auto close = text.find('}', open);
    script += words.at(std::string(text.substr(open + 1, close - open - 1)));
    text.remove_prefix(close + 1);
  }
}

Result<std::string> live_script(const Shape& shape, const Key& key, const std::string& table,
                                const std::filesystem::path& file, std::int64_t rows) {
  TRY(literal, pg::quote_literal(table));
  const Words words{{"only", only_of(shape)},
                    {"columns", list(shape.stored)},
                    {"mine", list(shape.stored, "m.")},
                    {"theirs", list(shape.stored, "t.")},
                    {"key", list(key.columns)},
                    {"same", key.same},
                    {"tag", dollar_tag(literal)},
                    {"table", table},
                    {"literal", literal},
                    {"file", psql_word(file)},
                    {"rows", std::to_string(rows)}};
  std::string script = kSameForms;
  script += "set search_path to pg_catalog;\n";
  const auto* const insert = key.columns.empty() ? kInsertIntoEmpty : kInsert;
  for (const auto* part : {kBegin, kTriggersOff, insert, kTriggersOn, kSequences, kEnd})
    script += filled(part, words);
  return script;
}

}  // namespace

Result<void> can_be_merged(const UndropRequest& request) {
  TRY_VOID(live_shape(request));
  return {};
}

Result<void> merge_table(const Side& side, Undropped& done) {
  const auto& request = *side.request;
  TRY(live, live_shape(request));
  TRY(copy, read_shape(side.copy, request.subject));
  if (!copy) return fail(not_there(side, request.subject.describe()));
  TRY(key, agree(request, live, *copy));
  TRY_VOID(ask_for_room(side, copy->bytes));
  TRY(table, pg::quote_qualified(request.subject.schema, request.subject.table));
  const auto file = side.scratch->work() / "rows";
  const auto rows = take_rows(side, *copy, table, file);
  if (!rows) return fail(of_copy(side, rows.error()));
  TRY_VOID(stood_still(side));
  TRY(script, live_script(live, key, table, file, *rows));
  TRY(output, run_psql(request.live, request.subject.database, std::move(script)));
  const auto result = json::parse(output.out, nullptr, false);
  if (!result.is_object()) return fail(ErrorCode::Malformed, "psql's answer is no JSON");
  done.merged =
      Merged{result.value("added", std::int64_t{0}), result.value("kept", std::int64_t{0}),
             result.value("differing", std::int64_t{0})};
  done.rows = done.merged->added;
  done.relations.push_back({request.subject.schema + "." + request.subject.table, done.rows});
  return finish_table(request, {table}, done);
}

}  // namespace pgkeel::archive
