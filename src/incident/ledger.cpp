// See ledger.hpp. Each record_* is one transaction; what an operator decides (forget, accept)
// leaves a line in the history table in the same transaction.
#include "incident/ledger.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "incident/redact.hpp"
#include "incident/statement.hpp"
#include "incident/store_connection.hpp"

namespace pgkeel::incident {
namespace {

// A schema-only dump of tens of thousands of tables is far below this.
constexpr std::size_t kDumpBytesMax = 64 << 20;
// Decisions of people: years of them.
constexpr int kHistoryKept = 1000;

std::int64_t as_signed(std::uint64_t number) { return std::bit_cast<std::int64_t>(number); }
std::uint64_t as_unsigned(std::int64_t number) { return std::bit_cast<std::uint64_t>(number); }

Identity identity_from(const Statement& row) {
  return {
      .system_id = SystemId(as_unsigned(row.integer(0))),
      .timeline = TimelineId(static_cast<std::uint32_t>(row.integer(1))),
      .major = static_cast<int>(row.integer(2)),
      .last_lsn = Lsn(as_unsigned(row.integer(3))),
      .data_dir = row.text(4),
      .filesystem_type = row.text(5),
      .filesystem_uuid = row.text(6),
      .filesystem_fsid = as_unsigned(row.integer(7)),
      .mount_point = row.text(8),
      .device = as_unsigned(row.integer(9)),
      .inode = as_unsigned(row.integer(10)),
      .image_digest = row.text(11),
      .libc = row.text(12),
      .seen_at = row.time(13),
  };
}

Result<std::optional<Identity>> read_identity(Database& db) {
  return collect_one(
      db.query("SELECT system_id, timeline, major, last_lsn, data_dir, filesystem_type, "
               "filesystem_uuid, filesystem_fsid, mount_point, device, inode, image_digest, libc, "
               "seen_at FROM identity"),
      identity_from);
}

Result<void> write_identity(Database& db, const Identity& identity) {
  TRY_VOID(db.run("INSERT OR REPLACE INTO identity VALUES (1,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                  as_signed(identity.system_id.value), identity.timeline.value, identity.major,
                  as_signed(identity.last_lsn.value), identity.data_dir, identity.filesystem_type,
                  identity.filesystem_uuid, as_signed(identity.filesystem_fsid),
                  identity.mount_point, as_signed(identity.device), as_signed(identity.inode),
                  identity.image_digest, identity.libc, identity.seen_at));
  return {};
}

// WAL only moves forward: an older position seen later is an old copy, not news.
Identity never_backwards(Identity seen, const Identity& known) {
  const bool older =
      std::pair(seen.timeline, seen.last_lsn) < std::pair(known.timeline, known.last_lsn);
  if (!older) return seen;
  seen.timeline = known.timeline;
  seen.last_lsn = known.last_lsn;
  return seen;
}

Result<void> remember(Database& db, std::string_view who, std::string_view what,
                      std::string_view subject, std::string_view detail) {
  TRY_VOID(db.run("INSERT INTO history (at, who, what, subject, detail) VALUES (?,?,?,?,?)",
                  wall_now(), redact(who), what, subject, redact(detail)));
  TRY_VOID(
      db.run("DELETE FROM history WHERE id <= "
             "(SELECT id FROM history ORDER BY id DESC LIMIT 1 OFFSET ?)",
             kHistoryKept));
  return {};
}

std::string describe(const Identity& identity) {
  return fmt::format("system identifier {}, timeline {}, major {}, {}",
                     to_string(identity.system_id), to_string(identity.timeline), identity.major,
                     identity.data_dir);
}

Result<void> require_system_id(const Identity& identity) {
  if (identity.system_id.valid()) return {};
  return fail(ErrorCode::Malformed, "identity without a system identifier");
}

KnownDatabase database_from(const Statement& row) {
  return {.oid = Oid(static_cast<std::uint32_t>(row.integer(0))),
          .name = row.text(1),
          .owner = row.text(2),
          .encoding = row.text(3),
          .collate = row.text(4),
          .ctype = row.text(5)};
}

Result<std::vector<KnownDatabase>> read_databases(Database& db) {
  return collect(db.query("SELECT oid, name, owner, encoding, collate_name, ctype FROM databases "
                          "ORDER BY name"),
                 database_from);
}

KnownRelation relation_from(const Statement& row) {
  const auto kind = row.text(3);
  return {.oid = Oid(static_cast<std::uint32_t>(row.integer(0))),
          .schema = row.text(1),
          .name = row.text(2),
          .kind = kind.empty() ? 'r' : kind.front(),
          .owner = row.text(4),
          .size_bytes = row.integer(5),
          .rows_estimate = row.integer(6)};
}

KnownConfigFile config_file_from(const Statement& row) {
  return {.path = row.text(0),
          .content = row.text(1),
          .mode = static_cast<unsigned>(row.integer(2)),
          .uid = static_cast<unsigned>(row.integer(3)),
          .gid = static_cast<unsigned>(row.integer(4))};
}

Result<std::string> read_fact(Database& db, std::string_view name) {
  TRY(value, collect_one(db.query("SELECT value FROM facts WHERE name = ?", name),
                         [](const Statement& row) { return row.text(0); }));
  return value.value_or("");
}

}  // namespace

Result<std::optional<Identity>> Ledger::identity() const {
  auto held = store_->connection().hold();
  return read_identity(held.db);
}

Result<void> Ledger::record_identity(const Identity& identity) {
  TRY_VOID(require_system_id(identity));
  return store_->connection().write("ledger.record_identity", [&](Database& db) -> Result<void> {
    TRY(known, read_identity(db));
    if (known && known->system_id != identity.system_id) {
      return fail(ErrorCode::WrongIdentity, fmt::format("the ledger knows {}, but {} was read",
                                                        describe(*known), describe(identity)));
    }
    TRY_VOID(write_identity(db, known ? never_backwards(identity, *known) : identity));
    return {};
  });
}

Result<void> Ledger::accept_identity(const Identity& identity, std::string_view who) {
  TRY_VOID(require_system_id(identity));
  return store_->connection().write("ledger.accept_identity", [&](Database& db) -> Result<void> {
    TRY(known, read_identity(db));
    TRY_VOID(remember(db, who, "accept_identity", to_string(identity.system_id),
                      fmt::format("{}; before: {}", describe(identity),
                                  known ? describe(*known) : "nothing known")));
    for (const std::string_view table : {"databases", "relations", "definitions", "config_files"})
      TRY_VOID(db.run(fmt::format("DELETE FROM {}", table)));
    TRY_VOID(write_identity(db, identity));
    return {};
  });
}

Result<std::vector<KnownDatabase>> Ledger::databases() const {
  auto held = store_->connection().hold();
  return read_databases(held.db);
}

Result<void> Ledger::record_databases(const std::vector<KnownDatabase>& databases) {
  auto sorted = databases;
  std::ranges::sort(sorted, {}, &KnownDatabase::name);
  return store_->connection().write("ledger.record_databases", [&](Database& db) -> Result<void> {
    TRY(known, read_databases(db));
    if (known == sorted) return {};  // spares the disk: asked often, changed rarely
    TRY_VOID(db.run("DELETE FROM databases"));
    for (const auto& database : sorted)
      TRY_VOID(db.run(
          "INSERT OR REPLACE INTO databases (name, oid, owner, encoding, collate_name, ctype) "
          "VALUES (?,?,?,?,?,?)",
          database.name, database.oid.value, database.owner, database.encoding, database.collate,
          database.ctype));
    return {};
  });
}

Result<void> Ledger::forget_database(std::string_view name, std::string_view who) {
  return store_->connection().write("ledger.forget_database", [&](Database& db) -> Result<void> {
    TRY(forgotten, db.run("DELETE FROM databases WHERE name = ?", name));
    if (forgotten == 0)
      return fail(ErrorCode::NotFound, fmt::format("the ledger knows no database '{}'", name));
    TRY(tables, db.run("DELETE FROM relations WHERE database = ?", name));
    // The last dump stays, in case "it was meant" was not meant.
    TRY_VOID(
        db.run("DELETE FROM definitions WHERE database = ?1 AND id < "
               "(SELECT max(id) FROM definitions WHERE database = ?1)",
               name));
    TRY_VOID(remember(db, who, "forget_database", name, fmt::format("{} relations", tables)));
    return {};
  });
}

Result<std::vector<KnownRelation>> Ledger::relations(std::string_view database) const {
  auto held = store_->connection().hold();
  return collect(held.db.query("SELECT oid, schema, name, kind, owner, size_bytes, rows_estimate "
                               "FROM relations WHERE database = ? ORDER BY schema, name",
                               database),
                 relation_from);
}

Result<void> Ledger::record_relations(std::string_view database,
                                      const std::vector<KnownRelation>& relations) {
  return store_->connection().write("ledger.record_relations", [&](Database& db) -> Result<void> {
    TRY_VOID(db.run("DELETE FROM relations WHERE database = ?", database));
    for (const auto& relation : relations)
      TRY_VOID(
          db.run("INSERT OR REPLACE INTO relations (database, schema, name, oid, kind, "
                 "owner, size_bytes, rows_estimate) VALUES (?,?,?,?,?,?,?,?)",
                 database, relation.schema, relation.name, relation.oid.value,
                 std::string_view(&relation.kind, 1), relation.owner, relation.size_bytes,
                 relation.rows_estimate));
    return {};
  });
}

Result<void> Ledger::forget_relation(std::string_view database, std::string_view qualified,
                                     std::string_view who) {
  return store_->connection().write("ledger.forget_relation", [&](Database& db) -> Result<void> {
    TRY(forgotten, db.run("DELETE FROM relations WHERE database = ? AND schema || '.' || name = ?",
                          database, qualified));
    if (forgotten == 0) {
      return fail(ErrorCode::NotFound,
                  fmt::format("the ledger knows no relation '{}.{}'", database, qualified));
    }
    TRY_VOID(remember(db, who, "forget_relation", fmt::format("{}.{}", database, qualified), ""));
    return {};
  });
}

Result<void> Ledger::note_decision(std::string_view who, std::string_view what,
                                   std::string_view subject, std::string_view detail) {
  return store_->connection().write("ledger.note_decision", [&](Database& db) -> Result<void> {
    TRY_VOID(remember(db, who, what, subject, detail));
    return {};
  });
}

Result<std::vector<Decision>> Ledger::history(std::size_t most) const {
  auto held = store_->connection().hold();
  return collect(
      held.db.query("SELECT at, who, what, subject, detail FROM history ORDER BY id DESC LIMIT ?",
                    most),
      [](const Statement& row) {
        return Decision{.at = row.time(0),
                        .who = row.text(1),
                        .what = row.text(2),
                        .subject = row.text(3),
                        .detail = row.text(4)};
      });
}

Result<std::optional<Definitions>> Ledger::definitions(std::string_view database) const {
  auto held = store_->connection().hold();
  return collect_one(held.db.query("SELECT taken_at, dump FROM definitions WHERE database = ? "
                                   "ORDER BY id DESC LIMIT 1",
                                   database),
                     [](const Statement& row) {
                       return Definitions{.taken_at = row.time(0), .dump = row.text(1)};
                     });
}

Result<void> Ledger::record_definitions(std::string_view database, const Definitions& definitions) {
  if (definitions.dump.size() > kDumpBytesMax) {
    return fail(
        ErrorCode::NotSupported,
        fmt::format("the definitions of database '{}' are {}, at most {} are kept", database,
                    format_size(definitions.dump.size()), format_size(kDumpBytesMax)));
  }
  return store_->connection().write("ledger.record_definitions", [&](Database& db) -> Result<void> {
    TRY_VOID(db.run("INSERT INTO definitions (database, taken_at, dump) VALUES (?,?,?)", database,
                    definitions.taken_at, Blob{definitions.dump}));
    TRY_VOID(
        db.run("DELETE FROM definitions WHERE database = ?1 AND id <= "
               "(SELECT id FROM definitions WHERE database = ?1 ORDER BY id DESC "
               "LIMIT 1 OFFSET ?2)",
               database, kDefinitionsKept));
    return {};
  });
}

Result<std::vector<KnownConfigFile>> Ledger::config_files() const {
  auto held = store_->connection().hold();
  return collect(
      held.db.query("SELECT path, content, mode, uid, gid FROM config_files ORDER BY path"),
      config_file_from);
}

Result<void> Ledger::record_config_files(const std::vector<KnownConfigFile>& files) {
  return store_->connection().write(
      "ledger.record_config_files", [&](Database& db) -> Result<void> {
        TRY_VOID(db.run("DELETE FROM config_files"));
        for (const auto& file : files)
          TRY_VOID(
              db.run("INSERT OR REPLACE INTO config_files (path, content, mode, uid, gid) VALUES "
                     "(?,?,?,?,?)",
                     file.path, Blob{file.content}, file.mode, file.uid, file.gid));
        return {};
      });
}

Result<std::string> Ledger::fact(std::string_view name) const {
  auto held = store_->connection().hold();
  return read_fact(held.db, name);
}

Result<void> Ledger::set_fact(std::string_view name, std::string_view value) {
  return store_->connection().write("ledger.set_fact", [&](Database& db) -> Result<void> {
    TRY(known, read_fact(db, name));
    if (known == value) return {};
    TRY_VOID(db.run("INSERT OR REPLACE INTO facts (name, value, set_at) VALUES (?,?,?)", name,
                    value, wall_now()));
    return {};
  });
}

}  // namespace pgkeel::incident
