// A damaged index is made anew from its table, beside the old one and without locking writers out,
// once the table is proven sound: by amcheck where it is installed, else by reading every row of
// it. It refuses damaged tables, indexes of the system's own tables, a name that more than one
// index has, tables too large to be read in passing, and anything but the statement that a person
// would run: what an interrupted rebuild left is dropped only where it was ours.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pg/sql_text.hpp"
#include "pg/sqlstate.hpp"
#include "recover/long_statement.hpp"
#include "recover/mended.hpp"
#include "recover/playbook.hpp"
#include "recover/sql.hpp"
#include "sense/catalog_rows.hpp"

namespace pgkeel::recover {
namespace {

using client::Connection;
using client::Rows;
using runtime::Task;

// Both read the whole table: what takes longer belongs into a quiet hour somebody chose.
constexpr std::int64_t kTableBytesMost = std::int64_t{4} << 30U;
constexpr Seconds kPatience{900};
constexpr std::uint64_t kRoomFor = 3;
constexpr std::uint64_t kRoomLeft = 256ULL << 20U;
constexpr Seconds kAskedAgain{3600};
constexpr Seconds kLockAskedAgain{600};  // a transaction that was in the way ends by itself
// Not supported, no right, cancelled by somebody.
constexpr auto kNotByTrying = std::to_array<std::string_view>({"0A000", "42501", "57014"});
constexpr std::string_view kSubjectBegin = "index ";
constexpr std::string_view kSound = "sound";  // a note: how the table was proven so
constexpr std::string_view kRebuild = "rebuild_index";

// No index is trusted while a table is read; nothing waits long for a lock.
constexpr std::string_view kSettings =
    "select set_config(name, value, false) from (values ('lock_timeout', '5s'), ('jit', 'off'),"
    " ('enable_indexscan', 'off'), ('enable_bitmapscan', 'off'), ('enable_indexonlyscan', 'off'),"
    " ('max_parallel_workers_per_gather', '0')) s (name, value)";

constexpr std::string_view kFind =
    "select i.indexrelid, i.indrelid, quote_ident(n.nspname), quote_ident(c.relname),"
    " quote_ident(tn.nspname) || '.' || quote_ident(t.relname),"
    " n.nspname in ('pg_catalog', 'information_schema', 'pg_toast'), pg_table_size(t.oid),"
    " m.amname, pg_relation_size(c.oid) from pg_class c join pg_namespace n on n.oid = "
    "c.relnamespace"
    " join pg_index i on i.indexrelid = c.oid join pg_class t on t.oid = i.indrelid"
    " join pg_namespace tn on tn.oid = t.relnamespace join pg_am m on m.oid = c.relam"
    " where c.relkind = 'i' and c.relname = $1";

constexpr std::string_view kAmcheck =
    "select quote_ident(n.nspname), exists (select from pg_proc p where p.pronamespace = n.oid"
    " and p.proname = 'verify_heapam') from pg_extension e join pg_namespace n"
    " on n.oid = e.extnamespace where e.extname = 'amcheck'";

// What a rebuild that ended early left: never valid, of the same table, with the server's own name.
constexpr std::string_view kLeftovers =
    "select format('%I.%I', n.nspname, c.relname) from pg_index i join pg_class c"
    " on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace"
    " where i.indrelid = $1::oid and not i.indisvalid"
    " and c.relname ~ ('^' || regexp_replace($2, '([^[:alnum:]])', '\\\\\\1', 'g')"
    " || '_cc(new|old)[0-9]*$')";

// Somebody, perhaps the last guard's own session, is still at it.
constexpr std::string_view kBusy =
    "select from pg_stat_progress_create_index where relid = $1::oid";

struct Name {
  std::string database;
  std::string index;
  [[nodiscard]] std::string object() const { return database + ": " + index; }
};

// "index shop: orders_pkey".
std::optional<Name> name_of(const StepContext& context) {
  const std::string_view subject = context.finding.subject;
  const auto colon = subject.find(": ");
  if (!subject.starts_with(kSubjectBegin) || colon == std::string_view::npos) return std::nullopt;
  return Name{std::string(subject.substr(kSubjectBegin.size(), colon - kSubjectBegin.size())),
              std::string(subject.substr(colon + 2))};
}

struct Index {
  std::string oid;
  std::string table_oid;
  std::string qualified;
  std::string table;
  bool of_system = false;
  std::int64_t table_bytes = 0;
  bool btree = false;
  std::int64_t bytes = 0;
};

struct Amcheck {
  std::string schema;  ///< empty: not installed
  bool tables = false;
};

StepResult for_human(std::string why) {
  auto result = StepResult::for_human("a human: " + std::move(why));
  result.retry_after = kAskedAgain;
  return result;
}

Task<Result<Connection>> connect(StepContext* context, std::string database) {
  auto* services = &context->services;
  auto connection = co_await open_session(services, std::move(database));
  if (!connection) co_return fail(connection.error());
  const auto set = co_await run_on(services, &*connection, std::string(kSettings));
  if (!set) co_return fail(set.error());
  co_return std::move(*connection);
}

Task<Result<std::vector<Index>>> find(StepContext* context, Connection* connection, Name name) {
  client::Params parameters{name.index};
  const auto rows =
      co_await run_on(&context->services, connection, std::string(kFind), std::move(parameters));
  if (!rows) co_return fail(rows.error());
  std::vector<Index> found;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const auto text = [&](std::size_t column) { return sense::read_text(*rows, row, column); };
    found.push_back({text(0), text(1), text(2) + "." + text(3), text(4), text(5) == "t",
                     rows->int64(row, 6).value_or(0), text(7) == "btree",
                     rows->int64(row, 8).value_or(0)});
  }
  co_return found;
}

Task<Result<Amcheck>> find_amcheck(StepContext* context, Connection* connection) {
  const auto rows = co_await run_on(&context->services, connection, std::string(kAmcheck));
  if (!rows) co_return fail(rows.error());
  if (rows->empty()) co_return Amcheck{};
  co_return Amcheck{sense::read_text(*rows, 0, 0), sense::read_text(*rows, 0, 1) == "t"};
}

// XX001, XX002, 58: data, index or file damaged. XX000 is what is said of broken structure.
bool is_damage(const Error& error) {
  const std::string_view state = error.sqlstate;
  return state.starts_with("XX") || state.starts_with("58");
}

std::string unfit(const std::vector<Index>& found, const Name& name) {
  if (found.empty()) return fmt::format("no index {} is in database {}", name.index, name.database);
  if (found.size() > 1)
    return fmt::format(
        "{} indexes in database {} are called {}: find the damaged one with "
        "'pg_amcheck', then REINDEX INDEX CONCURRENTLY",
        found.size(), name.database, name.index);
  if (found.front().of_system)
    return fmt::format("{} is of the server's own tables: REINDEX INDEX {}, which locks",
                       found.front().qualified, found.front().qualified);
  if (found.front().table_bytes > kTableBytesMost)
    return fmt::format(
        "table {} is large ({}): check it ('pg_amcheck') in a quiet hour, then "
        "REINDEX INDEX CONCURRENTLY {}",
        found.front().table, format_size(static_cast<std::uint64_t>(found.front().table_bytes)),
        found.front().qualified);
  return {};
}

// The new index, its WAL and the files it is sorted in, each as large as the old one; none of the
// server's disks may be what runs out.
std::string no_room_for(const StepContext& context, const Index& index) {
  const auto needed = kRoomFor * static_cast<std::uint64_t>(index.bytes) + kRoomLeft;
  for (const auto& space : context.services.senses.observation().host.spaces) {
    if (!space.known() || space.role == sense::SpaceRole::SharedMemory) continue;
    if (space.room.bytes_total == 0 || space.room.bytes_free >= needed) continue;
    return fmt::format("{} are free at {}, {} are needed to make {} anew beside the old one",
                       format_size(space.room.bytes_free), space.path.string(), format_size(needed),
                       index.qualified);
  }
  return {};
}

// How the index is called now that it is the only one, or why it is left alone.
Task<std::expected<Index, StepResult>> one_index(StepContext* context, Connection* connection,
                                                 Name name) {
  auto found = co_await find(context, connection, name);
  if (!found) co_return std::unexpected(StepResult::failed(found.error()));
  auto why = unfit(*found, name);
  if (why.empty()) why = no_room_for(*context, found->front());
  if (!why.empty()) co_return std::unexpected(for_human(std::move(why)));
  co_return std::move(found->front());
}

std::string describe_prove(const StepContext& context) {
  return fmt::format(
      "read the whole table of {}, with amcheck where it is installed, using none of "
      "its indexes",
      context.finding.subject);
}

StepResult judge_table(StepContext& context, const Index& index, bool amcheck,
                       const Result<Rows>& rows) {
  if (!rows) {
    if (!is_damage(rows.error())) return StepResult::failed(rows.error());
    return for_human(fmt::format("table {} is damaged as well ({}): restore it beside", index.table,
                                 rows.error().detail));
  }
  if (amcheck && !rows->empty())
    return for_human(fmt::format("table {} is damaged as well ({}): restore it beside", index.table,
                                 sense::read_text(*rows, 0, 0)));
  const auto how = amcheck ? fmt::format("amcheck found table {} sound", index.table)
                           : fmt::format(
                                 "every row of table {} could be read (amcheck is not "
                                 "installed there, or cannot check tables)",
                                 index.table);
  context.notes[std::string(kSound)] = how;
  return StepResult::done(how);
}

Task<StepResult> prove(StepContext* context) {
  const auto name = name_of(*context);
  if (!name) co_return for_human("the log does not say of which database the index is");
  auto connection = co_await connect(context, name->database);
  if (!connection) co_return StepResult::failed(connection.error());
  const auto index = co_await one_index(context, &*connection, *name);
  if (!index) co_return index.error();
  const auto amcheck = co_await find_amcheck(context, &*connection);
  if (!amcheck) co_return StepResult::failed(amcheck.error());
  const auto sql =
      amcheck->tables
          ? fmt::format(
                "select format('block %s: %s', blkno, msg) from {}.verify_heapam({}, "
                "on_error_stop => true, check_toast => true) limit 1",
                amcheck->schema, index->table_oid)
          : fmt::format("select count(pg_catalog.record_out(t.*)) from only {} t", index->table);
  const auto rows = co_await run_long(&context->services, &*connection, sql, kPatience);
  co_return judge_table(*context, *index, amcheck->tables, rows);
}

std::string table_unproven(const StepContext& context) {
  return context.notes.contains(std::string(kSound)) ? "" : "it was not read yet";
}
constexpr Precondition kTableIsSound{"the table was just read to its end without an error",
                                     table_unproven};

std::string describe_rebuild(const StepContext& context) {
  const auto name = name_of(context);
  return fmt::format("REINDEX INDEX CONCURRENTLY {} in database {}",
                     name ? name->index : context.finding.subject, name ? name->database : "?");
}

// By the journal: a step of this incident that began and did not end well was ours.
bool began_before(const StepContext& context) {
  const auto incident = context.services.journal.load(context.incident);
  if (!incident) return false;
  return std::ranges::any_of(incident->actions, [](const auto& action) {
    return action.step == kRebuild && (action.outcome == incident::ActionOutcome::Interrupted ||
                                       action.outcome == incident::ActionOutcome::Failed);
  });
}

Task<Result<void>> drop_leftovers(StepContext* context, Connection* connection, Index index,
                                  Name name) {
  if (!began_before(*context)) co_return Result<void>();
  client::Params parameters{index.table_oid, name.index};
  const auto rows = co_await run_on(&context->services, connection, std::string(kLeftovers),
                                    std::move(parameters));
  if (!rows) co_return fail(rows.error());
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const auto dropped = co_await run_long(
        &context->services, connection,
        "drop index concurrently if exists " + sense::read_text(*rows, row, 0), kPatience);
    if (!dropped) co_return fail(dropped.error());
  }
  co_return Result<void>();
}

StepResult judge_rebuild(const Index& index, const Error& error) {
  if (error.sqlstate == pg::sqlstate::kUniqueViolation)
    return for_human(
        fmt::format("table {} holds a key twice, which the damaged index let in ({}): "
                    "remove one of the rows, then REINDEX INDEX CONCURRENTLY {}",
                    index.table, error.detail, index.qualified));
  // What is in the way for long is told; a rebuild is too dear to be tried again and again.
  if (error.sqlstate == pg::sqlstate::kLockNotAvailable) {
    auto result = for_human(fmt::format(
        "REINDEX INDEX CONCURRENTLY {}: {}; another transaction is in the way: once it is over, "
        "'pgkeel resume' has it tried at once",
        index.qualified, error.detail));
    result.retry_after = kLockAskedAgain;
    return result;
  }
  return is_damage(error) ||
                 std::ranges::find(kNotByTrying, std::string_view(error.sqlstate)) !=
                     kNotByTrying.end() ||
                 error.code == ErrorCode::TimedOut
             ? for_human(
                   fmt::format("REINDEX INDEX CONCURRENTLY {}: {}", index.qualified, error.detail))
             : StepResult::failed(error);
}

Task<StepResult> rebuild(StepContext* context) {
  const auto name = name_of(*context);
  auto connection = co_await connect(context, name->database);
  if (!connection) co_return StepResult::failed(connection.error());
  const auto index = co_await one_index(context, &*connection, *name);
  if (!index) co_return index.error();
  client::Params table{index->table_oid};
  const auto busy =
      co_await run_on(&context->services, &*connection, std::string(kBusy), std::move(table));
  if (!busy) co_return StepResult::failed(busy.error());
  if (!busy->empty())
    co_return StepResult::failed(
        Error(ErrorCode::WrongState, "an index of the table is being built already"));
  const auto cleared = co_await drop_leftovers(context, &*connection, *index, *name);
  if (!cleared) co_return judge_rebuild(*index, cleared.error());
  const auto rebuilt =
      co_await run_long(&context->services, &*connection,
                        "reindex index concurrently " + index->qualified, kPatience);
  if (!rebuilt) co_return judge_rebuild(*index, rebuilt.error());
  co_return StepResult::done(index->qualified);
}

std::string describe_check(const StepContext&) {
  return "compare the new index with its table, where amcheck is installed";
}

Task<StepResult> check(StepContext* context) {
  const auto name = name_of(*context);
  auto connection = co_await connect(context, name->database);
  if (!connection) co_return StepResult::failed(connection.error());
  const auto index = co_await one_index(context, &*connection, *name);
  if (!index) co_return index.error();
  const auto amcheck = co_await find_amcheck(context, &*connection);
  if (!amcheck) co_return StepResult::failed(amcheck.error());
  const bool checked = !amcheck->schema.empty() && index->btree;
  if (checked) {
    const auto sql = fmt::format("select {}.bt_index_check({}, true)", amcheck->schema, index->oid);
    const auto rows = co_await run_long(&context->services, &*connection, sql, kPatience);
    if (!rows && is_damage(rows.error()))
      co_return for_human(fmt::format("the new index {} is damaged, too: suspect the machine ({})",
                                      index->qualified, rows.error().detail));
    if (!rows) co_return StepResult::failed(rows.error());
  }
  const auto kept = keep_mended(context->services.ledger, name->object(), wall_now());
  if (!kept) co_return StepResult::failed(kept.error());
  co_return StepResult::done(checked ? "amcheck finds it whole"
                                     : "not compared: amcheck is not installed, or no B-tree");
}

constexpr Step kSteps[] = {{"prove_table", describe_prove, prove, Effect::None, "", {}},
                           {kRebuild,
                            describe_rebuild,
                            rebuild,
                            Effect::Final,
                            "an index holds nothing that its table does not",
                            {&kTableIsSound, &kServerAnswers, &kTakesWrites}},
                           {"check_index", describe_check, check, Effect::None, "", {}}};

}  // namespace

const Playbook kRebuildIndex{
    "rebuild_index", "Make a damaged index anew from a table that is proven sound.", kSteps,
    "amcheck compares the new index with its table, where it is installed"};

}  // namespace pgkeel::recover
