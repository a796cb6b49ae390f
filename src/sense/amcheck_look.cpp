// See amcheck_look.hpp.
#include "sense/amcheck_look.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "sense/catalog_rows.hpp"
#include "sense/session.hpp"

namespace pgkeel::sense {
namespace {

using client::Connection;
using client::DbError;
using client::Rows;
using runtime::Task;

constexpr Millis kListMost{10'000};
constexpr Millis kStatementMost{std::numeric_limits<std::int32_t>::max()};  // what a setting takes
constexpr int kFindingsOfTable = 3;

// From 14 on: a check whose doctor was killed ends soon. Nothing before.
constexpr std::string_view kNoticeLoss =
    "select set_config(name, '10s', false) from pg_settings"
    " where name = 'client_connection_check_interval'";
constexpr std::string_view kPresence =
    "select quote_ident(n.nspname), exists (select from pg_proc p where p.pronamespace = n.oid"
    " and p.proname = 'verify_heapam') from pg_extension e join pg_namespace n"
    " on n.oid = e.extnamespace where e.extname = 'amcheck'";

struct Object {
  std::int64_t oid = 0;
  std::string name;
  bool index = false;
};

struct Checking {
  Board* board;
  AmcheckFacts* facts;
  AmcheckPart* part;
  SteadyTime deadline;
  const AmcheckProgress* progress;
  std::string schema;
  bool checks_tables = false;
  std::size_t objects_most = kAmcheckObjectsMax;
};

// A lock somebody holds exclusively is not waited for long; no plan of ours is worth compiling. A
// check that nobody waits for any more must not go on, and hold back vacuum, beyond its time.
std::string limits(Millis left) {
  return fmt::format(
      "set lock_timeout = '2s'; set jit = off; set max_parallel_workers_per_gather = 0;"
      " set statement_timeout = {}",
      std::clamp(left, Millis(1), kStatementMost).count());
}

// Temporary ones of others cannot be read; an invalid index is known to be of no use.
std::string listing(const Checking& checking) {
  return fmt::format(
      "select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind = 'i',"
      " count(*) over ()"
      " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
      " left join pg_index i on i.indexrelid = c.oid left join pg_am m on m.oid = c.relam"
      " where c.relpersistence <> 't' and ((c.relkind = 'i' and m.amname = 'btree'"
      " and indisvalid and indisready){}) order by c.relpages, c.oid limit {}",
      checking.checks_tables ? " or (c.relkind in ('r', 'm', 't') and m.amname = 'heap')" : "",
      checking.objects_most);
}

std::vector<Object> read_objects(const Rows& rows) {
  std::vector<Object> objects;
  for (std::size_t row = 0; row < rows.size(); ++row)
    objects.push_back(
        {rows.int64(row, 0).value_or(0), read_text(rows, row, 1), read_text(rows, row, 2) == "t"});
  return objects;
}

// Those the list had no room for.
void note_left_out(Checking& checking, const Rows& rows) {
  if (rows.empty()) return;
  const auto all = rows.int64(0, 3).value_or(0);
  const auto left_out = all - static_cast<std::int64_t>(rows.size());
  if (left_out <= 0) return;
  checking.part->skipped += static_cast<int>(left_out);
  checking.part->why_skipped =
      fmt::format("the {} smallest of {} were gone through", rows.size(), all);
}

std::string check_of(const Checking& checking, const Object& object) {
  if (object.index)
    return fmt::format("select {}.bt_index_check({}, true)", checking.schema, object.oid);
  return fmt::format("select format('block %s: %s', blkno, msg) from {}.verify_heapam({}) limit {}",
                     checking.schema, object.oid, kFindingsOfTable);
}

// XX001, XX002: data or index corrupted; 58: a file that cannot be read. Not XX000, which is also
// said of a table that was dropped meanwhile.
bool is_damage(const DbError& error) {
  const auto state = error.sqlstate();
  return state == "XX001" || state == "XX002" || state.starts_with("58");
}

void note_damage(Checking& checking, const Object& object, std::string text) {
  if (checking.facts->damage.size() < kDamageMax)
    checking.facts->damage.push_back(
        {checking.part->database, object.name, object.index, std::move(text)});
}

void note_error(Checking& checking, const Object& object, const DbError& error) {
  if (is_damage(error)) {
    ++checking.part->checked;
    note_damage(checking, object, error.error.detail);
    return;
  }
  ++checking.part->skipped;
  if (checking.part->why_skipped.empty())
    checking.part->why_skipped = fmt::format("{}: {}", object.name, error.error.detail);
}

void note_answer(Checking& checking, const Object& object, const Rows& rows) {
  ++checking.part->checked;
  if (object.index) return;
  for (std::size_t row = 0; row < rows.size(); ++row)
    note_damage(checking, object, read_text(rows, row, 0));
}

Task<void> check_all(Checking* checking, Connection* session, std::vector<Object> objects) {
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const auto& object = objects[i];
    if (checking->board->loop.now() >= checking->deadline || !session->usable()) {
      checking->part->skipped += static_cast<int>(objects.size() - i);
      if (checking->part->why_skipped.empty())
        checking->part->why_skipped =
            session->usable() ? "no time was left" : "the session was lost";
      co_return;
    }
    (*checking->progress)(i, objects.size(), object.name);
    const auto rows = co_await session->query(check_of(*checking, object), {}, checking->deadline);
    if (rows) note_answer(*checking, object, *rows);
    else note_error(*checking, object, rows.error());
  }
}

// Where the extension is, or why nothing can be checked.
Task<bool> find_extension(Checking* checking, Connection* session) {
  const auto until = checking->board->loop.after(kListMost);
  const auto left =
      std::chrono::duration_cast<Millis>(checking->deadline - checking->board->loop.now());
  const auto limited = co_await session->execute(limits(left), until);
  static_cast<void>(co_await session->query(std::string(kNoticeLoss), {}, until));
  const auto rows = co_await session->query(std::string(kPresence), {}, until);
  if (!limited || !rows) {
    checking->part->unavailable = (!limited ? limited : rows).error().error.detail;
    co_return false;
  }
  if (rows->empty()) {
    checking->part->unavailable =
        "the extension amcheck is not installed; as superuser, in this database: "
        "CREATE EXTENSION amcheck;";
    co_return false;
  }
  checking->schema = read_text(*rows, 0, 0);
  checking->checks_tables = read_text(*rows, 0, 1) == "t";
  co_return true;
}

Task<void> check_database(Checking* checking) {
  auto opened =
      co_await open_session(checking->board, checking->part->database, "pgkeel doctor amcheck");
  if (!opened) {
    checking->part->unavailable = opened.error().error.detail;
    co_return;
  }
  const bool found = co_await find_extension(checking, &*opened);
  if (!found) co_return;
  const auto rows =
      co_await opened->query(listing(*checking), {}, checking->board->loop.after(kListMost));
  if (!rows) {
    checking->part->unavailable = rows.error().error.detail;
    co_return;
  }
  note_left_out(*checking, *rows);
  co_await check_all(checking, &*opened, read_objects(*rows));
}

}  // namespace

Task<AmcheckFacts> run_amcheck(Board* board, std::vector<std::string> databases,
                               SteadyTime deadline, const AmcheckProgress* progress,
                               std::size_t objects_most) {
  AmcheckFacts facts;
  facts.parts.reserve(databases.size());
  for (const auto& database : databases) {
    auto& part = facts.parts.emplace_back();
    part.database = database;
    Checking checking{board, &facts, &part, deadline, progress, {}, false, objects_most};
    co_await check_database(&checking);
  }
  co_return facts;
}

}  // namespace pgkeel::sense
