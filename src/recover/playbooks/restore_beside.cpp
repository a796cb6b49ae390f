// A table with a damaged file is restored from the archive beside the live one, as of now, under a
// name of its own; the two are compared, and a person gets the statement that puts the copy into
// its place. What is in the damaged one is touched by nothing: it may hold what the copy does not.
// Reading the table must meet the damage first: a line of the log can be raised by any session.
// It refuses the server's own catalogs, indexes (those are made anew from their table), what is no
// relation of a database, and to swap: who still writes to the damaged one only a person knows.
#include <algorithm>

#include <fmt/format.h>

#include "pg/sql_text.hpp"
#include "recover/long_statement.hpp"
#include "recover/playbooks/undrop_job.hpp"
#include "recover/sql.hpp"
#include "sense/catalog_rows.hpp"

namespace pgkeel::recover {
namespace {

using client::Connection;
using client::Rows;
using runtime::Task;

constexpr std::string_view kDatabase = "database";  // notes
constexpr std::string_view kSchema = "schema";
constexpr std::string_view kTable = "table";
constexpr std::string_view kBeside = "beside";
constexpr std::string_view kDamaged = "damaged";
constexpr std::string_view kReadable = "readable";
constexpr std::string_view kRestored = "restored";
constexpr std::string_view kToast = "pg_toast_";
// One a day is enough, and it waits for a person all the while.
constexpr Seconds kAskedAgain{24 * 3600};
constexpr Seconds kPatience{900};
constexpr std::size_t kNameMost = 63;

// The relation of a file or of a TOAST table: the table itself, where it is one.
constexpr std::string_view kFind =
    "with named as (select case when $1 <> '' then pg_filenode_relation(0, $1::oid)::oid"
    " else to_regclass('pg_toast.' || $2)::oid end as oid)"
    " select n.nspname, c.relname, c.relkind::text, c.relpersistence::text,"
    " n.nspname in ('pg_catalog', 'information_schema', 'pg_toast'), c.oid::text"
    " from named join pg_class c on c.oid = coalesce((select t.oid from pg_class t"
    " where t.reltoastrelid = named.oid), (select i.indrelid from pg_index i join pg_class t"
    " on t.reltoastrelid = i.indrelid where i.indexrelid = named.oid), named.oid)"
    " join pg_namespace n on n.oid = c.relnamespace";

// Rows of a table page by page, so that a page that cannot be read costs no other.
constexpr std::string_view kReader =
    "create or replace function pg_temp.pgkeel_readable(r regclass, out readable int8,"
    " out unreadable int8) language plpgsql as $f$ declare page int8; found int8; begin"
    " readable := 0; unreadable := 0;"
    " for page in select generate_series(0, pg_relation_size(r)"
    " / current_setting('block_size')::int8 - 1) loop begin"
    " execute format('select count(pg_catalog.record_out(t.*)) from only %s t"
    " where ctid = any (array(select"
    " format(''(%%s,%%s)'', %s, line)::tid from generate_series(1, 600) line))', r, page)"
    " into found; readable := readable + found;"
    " exception when others then unreadable := unreadable + 1; end; end loop; end $f$";

struct FileOf {
  std::string database_oid;  ///< empty: of a TOAST table
  std::string filenode;
  std::string toast;
};

// "base/16384/27253", "base/16384/27253.1", "pg_toast_27282".
std::optional<FileOf> file_of(std::string_view subject) {
  if (subject.starts_with(kToast)) return FileOf{"", "", std::string(subject)};
  constexpr std::string_view kBase = "base/";
  const auto slash = subject.rfind('/');
  if (!subject.starts_with(kBase) || slash <= kBase.size()) return std::nullopt;
  const auto number = subject.substr(slash + 1);
  return FileOf{std::string(subject.substr(kBase.size(), slash - kBase.size())),
                std::string(number.substr(0, number.find('.'))), ""};
}

std::string note(const StepContext& context, std::string_view name) {
  const auto found = context.notes.find(std::string(name));
  return found == context.notes.end() ? "" : found->second;
}

StepResult for_human(const StepContext& context, const std::string& why) {
  auto result = StepResult::for_human(fmt::format("a human: {}; {}", why, context.finding.hint));
  result.retry_after = kAskedAgain;
  return result;
}

// As much of it as leaves room for the suffix, no character cut in two.
std::string with_suffix(std::string table, const std::string& suffix) {
  constexpr unsigned char kFollowsMask = 0xC0;
  constexpr unsigned char kFollows = 0x80;
  auto length = std::min(table.size(), kNameMost - suffix.size());
  while (length > 0 && length < table.size() &&
         (static_cast<unsigned char>(table[length]) & kFollowsMask) == kFollows)
    --length;
  return table.substr(0, length) + suffix;
}

// The day of the incident, so that what was restored by an earlier guard of it is known again; and
// the table's oid, since long names may begin alike.
std::string beside_name(const StepContext& context, const std::string& table,
                        const std::string& oid) {
  const auto incident = context.services.journal.load(context.incident);
  const auto day = to_iso8601(incident ? incident->opened_at : wall_now());
  return with_suffix(table, fmt::format("_pgkeel_{}{}{}_{}", day.substr(0, 4), day.substr(5, 2),
                                        day.substr(8, 2), oid));
}

// Databases it may be in: by the number in the path, or all where only the TOAST table is named.
std::vector<std::string> candidates(const StepContext& context, const FileOf& file) {
  std::vector<std::string> names;
  for (const auto& database : context.services.senses.observation().catalog.databases)
    if (file.database_oid.empty() || to_string(database.oid) == file.database_oid)
      names.push_back(database.name);
  return names;
}

struct Found {
  std::string database;
  Rows rows;
};

Task<Result<std::vector<Found>>> find_in(StepContext* context, FileOf file) {
  std::vector<Found> found;
  for (const auto& database : candidates(*context, file)) {
    auto rows = co_await run_statement(&context->services, database, std::string(kFind),
                                       {file.filenode, file.toast});
    if (!rows) co_return fail(rows.error());
    if (!rows->empty()) found.push_back({database, std::move(*rows)});
  }
  co_return found;
}

std::string unfit(const Rows& rows) {
  const auto kind = sense::read_text(rows, 0, 2);
  const auto name = sense::read_text(rows, 0, 0) + "." + sense::read_text(rows, 0, 1);
  if (sense::read_text(rows, 0, 4) == "t")
    return fmt::format(
        "{} is of the server's own: 'pgkeel restore --in-place --yes' brings the "
        "newest backup and all WAL",
        name);
  if (kind == "i") return fmt::format("{} is an index: REINDEX INDEX CONCURRENTLY {}", name, name);
  if (kind != "r" || sense::read_text(rows, 0, 3) != "p")
    return fmt::format("{} is no table that the archive has", name);
  if (std::ranges::count(name, '.') != 1) return fmt::format("the name of {} has a dot", name);
  return {};
}

std::string describe_find(const StepContext& context) {
  return fmt::format("find the table that {} is of", context.finding.subject);
}

Task<StepResult> find_table(StepContext* context) {
  const auto file = file_of(context->finding.subject);
  if (!file) co_return for_human(*context, "it is no file of a table");
  const auto found = co_await find_in(context, *file);
  if (!found) co_return StepResult::failed(found.error());
  if (found->size() != 1)
    co_return for_human(*context, found->empty() ? "no table has this file any more"
                                                 : "more than one database has such a table");
  const auto& one = found->front();
  if (auto why = unfit(one.rows); !why.empty()) co_return for_human(*context, why);
  auto& notes = context->notes;
  notes[std::string(kDatabase)] = one.database;
  notes[std::string(kSchema)] = sense::read_text(one.rows, 0, 0);
  notes[std::string(kTable)] = sense::read_text(one.rows, 0, 1);
  const auto oid = sense::read_text(one.rows, 0, 5);
  notes[std::string(kBeside)] = beside_name(*context, note(*context, kTable), oid);
  notes[std::string(kDamaged)] = with_suffix(note(*context, kTable), "_damaged_" + oid);
  co_return StepResult::done(
      fmt::format("{}.{}.{}", one.database, note(*context, kSchema), note(*context, kTable)));
}

std::string no_table(const StepContext& context) {
  return note(context, kTable).empty() ? "it was not looked for yet" : "";
}
constexpr Precondition kTableIsFound{"the damaged file is a table's", no_table};

std::string subject_of(const StepContext& context) {
  return fmt::format("{}.{}.{}", note(context, kDatabase), note(context, kSchema),
                     note(context, kTable));
}

std::string describe_restore(const StepContext& context) {
  if (!no_table(context).empty())
    return "pgkeel undrop TABLE --at latest --as TABLE_pgkeel_DAY_OID: beside the live one";
  return fmt::format("pgkeel undrop {} --at latest --as {}", subject_of(context),
                     note(context, kBeside));
}

Result<void> remember(StepContext& context, const UndropDone& done) {
  context.notes[std::string(kRestored)] = done.describe();
  return {};
}

// It comes whole, in one transaction: where it is, an earlier run has made it.
Task<StepResult> restore(StepContext* context) {
  const auto there =
      co_await run_statement(&context->services, note(*context, kDatabase),
                             "select from pg_tables where schemaname = $1 and tablename = $2",
                             {note(*context, kSchema), note(*context, kBeside)});
  if (!there) co_return StepResult::failed(there.error());
  if (!there->empty()) {
    context->notes[std::string(kRestored)] = "restored before";
    co_return StepResult::skipped(note(*context, kBeside) + " is there");
  }
  UndropOrder order{subject_of(*context), note(*context, kBeside), std::string(kUndropLatest)};
  auto result = co_await run_undrop(context, std::move(order), remember);
  co_return result;
}

std::string quoted(const StepContext& context, std::string_view name) {
  return pg::quote_identifier(note(context, name)).value_or("?");
}

// Over a session of its own, which has the reader.
Task<Result<Rows>> read_damaged(StepContext* context) {
  auto* services = &context->services;
  auto connection = co_await open_session(services, note(*context, kDatabase));
  if (!connection) co_return fail(connection.error());
  const auto made = co_await run_on(services, &*connection, std::string(kReader));
  if (!made) co_return fail(made.error());
  const auto live = pg::quote_literal(quoted(*context, kSchema) + "." + quoted(*context, kTable));
  if (!live) co_return fail(live.error());
  auto rows = co_await run_long(
      services, &*connection,
      fmt::format("select r.readable, r.unreadable from pg_temp.pgkeel_readable({}::regclass) r",
                  *live),
      kPatience);
  co_return rows;
}

std::string describe_read(const StepContext&) {
  return "read the table page by page: whether it is damaged is not believed of a line of the log";
}

// Anybody who may log in can have the server log such a line.
Task<StepResult> confirm(StepContext* context) {
  const auto rows = co_await read_damaged(context);
  if (!rows) co_return StepResult::failed(rows.error());
  const auto readable = rows->int64(0, 0).value_or(0);
  const auto unreadable = rows->int64(0, 1).value_or(0);
  if (unreadable == 0)
    co_return for_human(
        *context, fmt::format("all {} rows of {} can be read", readable, subject_of(*context)));
  context->notes[std::string(kReadable)] = fmt::format(
      "of the damaged one {} can be read, and {} of its pages cannot", readable, unreadable);
  co_return StepResult::done(note(*context, kReadable));
}

std::string not_confirmed(const StepContext& context) {
  return note(context, kReadable).empty() ? "no page of it was found that cannot be read" : "";
}
constexpr Precondition kDamageWasRead{"reading the table met the damage", not_confirmed};

Task<Result<Rows>> count_copy(StepContext* context) {
  auto* services = &context->services;
  auto connection = co_await open_session(services, note(*context, kDatabase));
  if (!connection) co_return fail(connection.error());
  auto rows = co_await run_long(services, &*connection,
                                fmt::format("select count(*) from {}.{}", quoted(*context, kSchema),
                                            quoted(*context, kBeside)),
                                kPatience);
  co_return rows;
}

// In one transaction, so that nobody finds no table.
std::string swap_words(const StepContext& context) {
  const auto schema = quoted(context, kSchema);
  const auto table = quoted(context, kTable);
  const auto damaged = quoted(context, kDamaged);
  return fmt::format(
      "begin; lock table {0}.{1}; alter table {0}.{1} rename to {2}; alter table {0}.{3} rename to "
      "{1}; commit;",
      schema, table, damaged, quoted(context, kBeside));
}

std::string describe_compare(const StepContext&) {
  return "count the rows of the copy and hand over the statement that swaps the two";
}

Task<StepResult> compare(StepContext* context) {
  const auto rows = co_await count_copy(context);
  const auto told = rows ? fmt::format("{} rows are in the copy; {}", rows->int64(0, 0).value_or(0),
                                       note(*context, kReadable))
                         : "the two were not compared: " + rows.error().message();
  auto result = StepResult::for_human(fmt::format(
      "a human: {}.{}.{} is restored beside it ({}); {}. Stop what writes to it, look at both, "
      "then "
      "in database {}: {} Views and foreign keys stay with the damaged one; rows written since are "
      "only in it. And check the disk ('dmesg', smartctl)",
      note(*context, kDatabase), note(*context, kSchema), note(*context, kBeside),
      note(*context, kRestored), told, note(*context, kDatabase), swap_words(*context)));
  result.retry_after = kAskedAgain;
  co_return result;
}

constexpr Step kSteps[] = {
    {"find_table", describe_find, find_table, Effect::None, "", {}},
    {"read_table", describe_read, confirm, Effect::None, "", {&kTableIsFound, &kServerAnswers}},
    {"restore_beside",
     describe_restore,
     restore,
     Effect::Reversible,
     "drop the table beside: DROP TABLE SCHEMA.TABLE_pgkeel_DAY_OID",
     {&kDamageWasRead, &kServerAnswers, &kTakesWrites}},
    {"compare_copies", describe_compare, compare, Effect::None, "", {&kTableIsFound}}};

}  // namespace

const Playbook kRestoreBeside{
    "restore_beside",
    "Restore a damaged table from the archive beside the live one, and hand over the swap.", kSteps,
    "the damage was not met for a day"};

}  // namespace pgkeel::recover
