// See judge.hpp.
#include "shadow/gate/judge.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "pg/sql_text.hpp"

namespace pgkeel::shadow {
namespace {

using client::ReplicationSession;

// As many rows are looked at to tell a table that was written anew from one that was emptied.
constexpr int kProbeRows = 10'000;
constexpr double kAsBefore = 0.9;  // of the rows: others may have changed them since
constexpr const char* kNoPatience =
    "set statement_timeout = '3s'; set lock_timeout = '500ms'; set search_path to pg_catalog";
constexpr const char* kNoSuchDatabase = "3D000";

struct Relation {
  std::string oid;
  std::string schema;
  std::string name;
  std::string quoted;
  std::int64_t rows = 0;  // by statistics; not positive: unknown
  std::uint64_t bytes = 0;
  std::string filenode;
  bool partitioned = false;  // its rows are its partitions'
};

std::string text(const client::TextRows& rows, std::size_t row, std::string_view column) {
  const auto* value = rows.at(row, column);
  return value == nullptr ? std::string() : *value;
}

std::int64_t number(const client::TextRows& rows, std::size_t row, std::string_view column) {
  const auto value = text(rows, row, column);
  return value.empty() ? 0 : std::stoll(value);
}

template <typename Files>
std::string numbers_of(const Files& files) {
  std::vector<std::uint32_t> numbers;
  for (const auto& file : files) numbers.push_back(file.number.value);
  return fmt::format("{}", fmt::join(numbers, ", "));
}

std::vector<pg::RelationFile> files_of(const std::map<pg::RelationFile, RowCounts>& rows) {
  std::vector<pg::RelationFile> files;
  for (const auto& [file, counts] : rows) files.push_back(file);
  return files;
}

std::string oids_of(const std::map<Oid, Lsn>& locks) {
  std::vector<std::uint32_t> oids{0};
  for (const auto& [oid, lock] : locks) oids.push_back(oid.value);
  return fmt::format("{}", fmt::join(oids, ", "));
}

// Tables and materialized views: what else has files goes and comes back with them. An unlogged
// one cannot be read here, and is empty after a crash anyway.
Result<std::vector<Relation>> relations_of(ReplicationSession& shadow, const std::string& numbers,
                                           const std::map<Oid, Lsn>& locks) {
  TRY(rows,
      shadow.run(fmt::format(
          "select c.oid::text as oid, n.nspname, c.relname, format('%I.%I', n.nspname, "
          "c.relname) as quoted, c.reltuples::bigint::text as rows, (c.relpages::bigint * "
          "8192)::text as bytes, coalesce(pg_relation_filenode(c.oid), 0)::text as "
          "filenode, c.relkind::text as kind from pg_class c join pg_namespace n on n.oid = "
          "c.relnamespace where c.relpersistence = 'p' and c.oid >= 16384 and (c.relkind in "
          "('r', 'm') and pg_relation_filenode(c.oid) in ({}) or c.relkind = 'p' and c.oid in "
          "({})) order by c.relkind <> 'p', c.oid",
          numbers, oids_of(locks))));
  std::vector<Relation> relations;
  for (std::size_t row = 0; row < rows.rows.size(); ++row)
    relations.push_back({text(rows, row, "oid"), text(rows, row, "nspname"),
                         text(rows, row, "relname"), text(rows, row, "quoted"),
                         number(rows, row, "rows"),
                         static_cast<std::uint64_t>(number(rows, row, "bytes")),
                         text(rows, row, "filenode"), text(rows, row, "kind") == "p"});
  return relations;
}

Result<std::int64_t> count(ReplicationSession& session, const std::string& quoted,
                           const std::string& limit) {
  TRY(rows,
      session.run(fmt::format("select count(*)::text as rows from (select from only {}{}) counted",
                              quoted, limit)));
  return number(rows, 0, "rows");
}

std::string at_most(int rows) { return fmt::format(" limit {}", rows); }

// On the live side a name may lead to anything by now, and a view would run its owner's code as us:
// the rows are counted once the lock is on just that table. Nothing: it is another relation.
Result<std::optional<std::int64_t>> count_live(ReplicationSession& live, const Relation& was,
                                               const std::string& name, const std::string& limit) {
  TRY(literal, pg::quote_literal(name));
  TRY_VOID(live.run(fmt::format("begin; lock table only {} in access share mode", name)));
  const auto counted = [&]() -> Result<std::optional<std::int64_t>> {
    TRY(same, live.run(fmt::format("select 1 as same from pg_class where oid = {}::regclass and "
                                   "oid = {} and relkind = 'r'",
                                   literal, was.oid)));
    if (same.rows.empty()) return std::nullopt;
    TRY(rows, count(live, name, limit));
    return rows;
  }();
  TRY_VOID(live.run(counted ? "commit" : "rollback"));
  return counted;
}

LostRelation lost(const Relation& relation, Loss loss) {
  return {relation.schema, relation.name, loss, std::max<std::int64_t>(relation.rows, 0),
          relation.bytes,  false,         false};
}

// Where a relation is now: its name on the live side, if it is there at all.
struct Now {
  std::string name;  // quoted; empty: gone
  bool matview = false;
  bool same_file = false;
  bool again = false;
};

Result<Now> look_now(ReplicationSession& live, const Relation& was) {
  TRY(literal, pg::quote_literal(was.quoted));
  TRY(rows, live.run(fmt::format(
                "select c.oid::regclass::text as name, c.relkind::text as kind, "
                "(pg_relation_filenode(c.oid) = {1})::text as same, (to_regclass({2}) is not "
                "null)::text as again from (select 1) one left join pg_class c on c.oid = {0}",
                was.oid, was.filenode, literal)));
  Now now;
  now.name = text(rows, 0, "name");
  now.matview = text(rows, 0, "kind") == "m";
  now.same_file = text(rows, 0, "same") == "true";
  now.again = text(rows, 0, "again") == "true";
  return now;
}

bool fewer(std::int64_t has, std::int64_t had) {
  return static_cast<double>(has) < static_cast<double>(had) * kAsBefore;
}

// Whether a relation that is still there under another file lost its rows. Where the shadow has its
// lock by now, statistics tell how many it had; the live side is asked again when it is locked.
Result<bool> emptied(const Relation& was, const Now& now, ReplicationSession& shadow,
                     ReplicationSession& live) {
  if (was.partitioned || now.matview || now.same_file) return false;
  const auto probed = count(shadow, was.quoted, at_most(kProbeRows));
  const auto had = probed ? *probed : std::clamp<std::int64_t>(was.rows, 1, kProbeRows);
  if (had == 0) return false;
  TRY(has, count_live(live, was, now.name, at_most(kProbeRows)));
  return !has || fewer(*has, had);
}

Oid oid_of(const Relation& relation) {
  return Oid(static_cast<std::uint32_t>(std::stoul(relation.oid)));
}

// The first lock on anything that is gone, an index or a view too, or that was emptied: up to there
// it can be read. What was locked before that and is there as it was may be locked on the shadow.
Result<Lsn> first_lock_on_lost(const Hold& hold, const std::set<Oid>& emptied,
                               ReplicationSession* live) {
  std::set<Oid> alive;
  if (live != nullptr) {
    TRY(rows, live->run(fmt::format("select oid::text as oid from pg_class where oid in ({})",
                                    oids_of(hold.locks))));
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
      alive.insert(Oid(static_cast<std::uint32_t>(number(rows, row, "oid"))));
  }
  Lsn first;
  for (const auto& [oid, lock] : hold.locks) {
    if (alive.contains(oid) && !emptied.contains(oid)) continue;
    if (!first.valid() || lock < first) first = lock;
  }
  return first;
}

Result<Judgement> judge_files(const Hold& hold, const std::string& database,
                              const std::vector<Relation>& relations, ReplicationSession& shadow,
                              const JudgeSides& sides) {
  Judgement judged;
  judged.destruction.database = database;
  auto& relations_lost = judged.destruction.relations;
  std::vector<Relation> kept_parents;
  std::set<Oid> emptied_ones;
  auto live = sides.live(database);
  if (!live && live.error().sqlstate != kNoSuchDatabase) return fail(live.error());
  if (live) TRY_VOID(live->run(kNoPatience));
  for (const auto& relation : relations) {
    Now now;
    if (live) {
      TRY(found, look_now(*live, relation));
      now = found;
    }
    const bool gone = now.name.empty();
    if (!gone && relation.partitioned) kept_parents.push_back(relation);
    if (!gone) {
      TRY(empty, emptied(relation, now, shadow, *live));
      if (!empty) continue;
    }
    auto entry = lost(relation, gone ? Loss::Dropped : Loss::Truncated);
    entry.again = gone && now.again;
    relations_lost.push_back(std::move(entry));
    if (!gone) emptied_ones.insert(oid_of(relation));
  }
  // Who truncates a partitioned table knows it by that name.
  if (std::ranges::find(relations_lost, Loss::Truncated, &LostRelation::loss) !=
      relations_lost.end())
    for (const auto& parent : kept_parents) {
      relations_lost.insert(relations_lost.begin(), lost(parent, Loss::Truncated));
      emptied_ones.insert(oid_of(parent));
    }
  if (relations_lost.empty()) return judged;
  judged.verdict = Verdict::Destroyed;
  TRY(before, first_lock_on_lost(hold, emptied_ones, live ? &*live : nullptr));
  judged.before = before;
  judged.exact = relations_lost.size() == 1 && std::ranges::any_of(relations, [&](const auto& one) {
                   const auto lock = hold.locks.find(oid_of(one));
                   return one.name == relations_lost.front().name &&
                          one.schema == relations_lost.front().schema && lock != hold.locks.end() &&
                          lock->second == before;
                 });
  return judged;
}

// A table that was never analyzed is counted, if that is possible in a moment.
std::int64_t rows_of(const Relation& relation, ReplicationSession& shadow) {
  if (relation.rows > 0) return relation.rows;
  const auto rows =
      shadow.run(fmt::format("select count(*)::text as rows from only {}", relation.quoted));
  return rows ? number(*rows, 0, "rows") : 0;
}

Result<Judgement> judge_rows(const std::string& database, const std::vector<Relation>& relations,
                             const Hold& hold, ReplicationSession& shadow, double share) {
  Judgement judged;
  judged.destruction.database = database;
  for (const auto& [file, counts] : hold.rows) {
    const auto number = std::to_string(file.number.value);
    const auto of = std::ranges::find(relations, number, &Relation::filenode);
    if (of == relations.end()) continue;
    const auto most = std::max(counts.deleted, counts.updated);
    const auto rows = rows_of(*of, shadow);
    if (static_cast<double>(most) < share * static_cast<double>(rows)) continue;
    auto entry = lost(*of, counts.deleted >= counts.updated ? Loss::Deleted : Loss::Updated);
    entry.rows = static_cast<std::int64_t>(most);
    judged.destruction.relations.push_back(std::move(entry));
  }
  if (!judged.destruction.relations.empty()) judged.verdict = Verdict::Destroyed;
  return judged;
}

// Rows that a transaction deleted which ended files too: they are there until its commit.
Result<Judgement> with_rows(Judgement judged, const Hold& hold, ReplicationSession& shadow,
                            double share) {
  if (hold.rows.empty()) return judged;
  TRY(relations, relations_of(shadow, numbers_of(files_of(hold.rows)), {}));
  TRY(rows, judge_rows(judged.destruction.database, relations, hold, shadow, share));
  if (rows.verdict != Verdict::Destroyed) return judged;
  if (judged.verdict != Verdict::Destroyed) judged.before = hold.decided;
  judged.verdict = Verdict::Destroyed;
  judged.exact = false;
  auto& lost = judged.destruction.relations;
  lost.insert(lost.end(), rows.destruction.relations.begin(), rows.destruction.relations.end());
  return judged;
}

// One that moves to another tablespace is removed from its old one in the same words.
Result<Judgement> judge_database(const Hold& hold, const std::string& database,
                                 const JudgeSides& sides) {
  TRY(live, sides.live("template1"));
  TRY(there,
      live.run(fmt::format("select 1 as there from pg_catalog.pg_database where oid = {} and "
                           "datconnlimit <> -2",
                           hold.database.value)));
  if (!there.rows.empty()) return Judgement{};
  return Judgement{Verdict::Destroyed, {database, true, {}}};
}

Error not_there_yet(const Hold& hold) {
  return {ErrorCode::WrongState,
          fmt::format("the shadow is not yet at {}", to_string(hold.before))};
}

}  // namespace

Result<Judgement> judge(const Hold& hold, const JudgeSides& sides) {
  TRY(cluster, sides.shadow("template1"));
  TRY(at, cluster.run(
              fmt::format("select pg_last_wal_replay_lsn()::text as replayed, (select datname from "
                          "pg_catalog.pg_database where oid = {}) as database",
                          hold.database.value)));
  TRY(replayed, parse_lsn(text(at, 0, "replayed")));
  if (replayed > hold.before) return Judgement{Verdict::Passed};
  const bool there = replayed >= end_before(hold.before);
  const auto database = text(at, 0, "database");
  if (database.empty()) {
    if (!there) return fail(not_there_yet(hold));
    return Judgement{};
  }
  if (hold.kind == HoldKind::Database) return judge_database(hold, database, sides);
  TRY(shadow, sides.shadow(database));
  TRY_VOID(shadow.run(kNoPatience));
  const bool of_rows = hold.kind == HoldKind::Rows;
  TRY(relations, of_rows ? relations_of(shadow, numbers_of(files_of(hold.rows)), {})
                         : relations_of(shadow, numbers_of(hold.files), hold.locks));
  auto judged = of_rows ? judge_rows(database, relations, hold, shadow, sides.share)
                        : judge_files(hold, database, relations, shadow, sides);
  if (judged && !of_rows) judged = with_rows(*std::move(judged), hold, shadow, sides.share);
  if (!judged) return judged;
  judged->provisional = !there;
  if (!there && judged->verdict == Verdict::Harmless) return fail(not_there_yet(hold));
  return judged;
}

}  // namespace pgkeel::shadow
