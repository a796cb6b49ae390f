// pgkeel undrop RELATION: a dropped table or database, back in the live server with its rows.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/archive/client_programs.hpp"
#include "app/archive/progress.hpp"
#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/config/value.hpp"
#include "app/json_read.hpp"
#include "app/shadow/ended_shadow.hpp"
#include "app/shadow/held_copy.hpp"
#include "app/shadow/places.hpp"
#include "archive/receive/receive.hpp"
#include "archive/receive/spool_listing.hpp"
#include "archive/receive/status.hpp"
#include "archive/restore/foreign_tablespaces.hpp"
#include "archive/undrop/undrop.hpp"
#include "base/log.hpp"
#include "client/replication.hpp"
#include "incident/journal.hpp"
#include "incident/store.hpp"
#include "pg/sql_text.hpp"
#include "recover/last_seen.hpp"
#include "recover/playbooks/undrop_job.hpp"
#include "serve/sources.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;
using archive::UndropSubject;

constexpr Millis kLookEvery{200};
constexpr Seconds kReceivedPatience{30};  // for the drop itself to be in the archive's spool
constexpr std::size_t kIncidentsLookedAt = 200;

Error no_subject(const std::string& name) {
  return Error(ErrorCode::Usage, fmt::format("'{}' names no table and no database", name))
      .with_hint(
          "Write database.schema.table, or the name of a database; 'pgkeel undrop list' "
          "shows them.");
}

Result<UndropSubject> subject_of(const std::string& name) {
  const auto parts = split_name(name);
  if (parts.size() == 1 && !parts[0].empty()) return UndropSubject{parts[0], "", ""};
  if (parts.size() == 3) return UndropSubject{parts[0], parts[1], parts[2]};
  return fail(no_subject(name));
}

// "other", "schema.other"; of a database its other name.
Result<UndropSubject> other_name(const UndropSubject& subject, const std::string& name) {
  const auto parts = split_name(name);
  if (subject.is_database() && parts.size() == 1) return UndropSubject{parts[0], "", ""};
  if (!subject.is_database() && parts.size() == 1)
    return UndropSubject{subject.database, subject.schema, parts[0]};
  if (!subject.is_database() && parts.size() == 2)
    return UndropSubject{subject.database, parts[0], parts[1]};
  return fail(Error(ErrorCode::Usage, fmt::format("--as {} is no name for it", name))
                  .with_hint("A table takes NAME or SCHEMA.NAME in the same database, a database "
                             "another database's name."));
}

// Whether an incident tells when the subject was last there whole: of itself, or of its schema.
bool tells_of(const incident::Incident& incident, const UndropSubject& subject) {
  constexpr auto kCauses = std::to_array<std::string_view>(
      {"table_dropped", "database_dropped", "table_truncated", "mass_delete"});
  if (incident.cause == "schema_dropped")
    return !subject.is_database() &&
           incident.subject == fmt::format("{}.{}", subject.database, subject.schema);
  return incident.subject == subject.describe() &&
         std::ranges::find(kCauses, incident.cause) != kCauses.end();
}

// The earlier of the two; where no backup reaches back to it, the first moment after it that one
// does.
Lsn moment_within_reach(archive::Store& store, const diagnose::LastSeen& seen) {
  if (!seen.latest.valid()) return seen.lsn;
  const auto backups = archive::list_backups(store);
  if (!backups) return seen.lsn;
  auto first = seen.latest;
  for (const auto& backup : *backups) first = std::min(first, std::max(seen.lsn, backup.stop_lsn));
  return first;
}

// Up to where a guard saw it, from the journal; latest when none did.
std::string moment_known(const ArchiveTools& tools, const UndropSubject& subject) {
  const auto store = incident::Store::open_read_only(tools.config.state_dir);
  if (!store) return "latest";
  const auto listed = incident::Journal(**store).list(kIncidentsLookedAt);
  if (!listed) return "latest";
  const auto found = std::ranges::find_if(  // newest first
      *listed, [&](const auto& incident) { return tells_of(incident, subject); });
  if (found == listed->end()) return "latest";
  const auto seen = recover::last_seen(incident::Ledger(**store), found->id);
  return seen && *seen ? to_string(moment_within_reach(*tools.store, **seen)) : "latest";
}

Result<Lsn> written_by(const ServerTarget& server) {
  TRY(session,
      client::ReplicationSession::open(server.conninfo, {.connect_as = server.connect_as}));
  TRY(rows, session.run("IDENTIFY_SYSTEM"));
  const auto* text = rows.at(0, "xlogpos");
  if (text == nullptr) return Lsn{};
  return parse_lsn(*text);
}

// The copy has to reach the moment: what the server has written by now is received first.
Result<void> await_received(const Config& config, Lsn position, const StopOnSignal& stop) {
  const auto file = config.state_dir / archive::kReceiveStatusFile;
  const auto until = SteadyClock::now() + kReceivedPatience;
  while (SteadyClock::now() < until) {
    const auto status = archive::read_receive_status(file);
    if (!status || status->state == archive::ReceiveState::Stopped) return {};
    if (status->flushed_lsn >= position) return {};
    if (stop.token().stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    std::this_thread::sleep_for(kLookEvery);
  }
  return {};  // the restore says what is missing
}

// One at a time; who comes second may find its work done when it is its turn.
Result<runtime::FileLock> await_turn(const Config& config, const StopOnSignal& stop,
                                     ProgressLine& line) {
  while (true) {
    auto lock = lock_job(config, "undrop");
    if (lock || lock.error().code != ErrorCode::StateLocked) return lock;
    if (stop.token().stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    line.show("waiting for another undrop to end");
    std::this_thread::sleep_for(kLookEvery);
  }
}

Result<int> major_of(archive::Store& store) {
  TRY(backups, archive::list_backups(store));
  if (backups.empty())
    return fail(Error(ErrorCode::NotFound, "the archive holds no backup")
                    .with_hint("'pgkeel backup now' makes one."));
  return backups.back().major();
}

Result<archive::RestoreRequest> restore_of(const Invocation& invocation, ArchiveTools& tools,
                                           const UndropSubject& subject, const StopOnSignal& stop) {
  TRY(request, restore_request(tools, stop));
  const auto moment = invocation.value("--at").value_or(moment_known(tools, subject));
  // Of a position itself nothing is known; of a time, what was committed at it counts.
  const bool position = moment.find('/') != std::string::npos && !moment.starts_with("before:");
  TRY(target, archive::parse_target(position ? "before:" + moment : moment));
  request.target = target;
  request.label = invocation.value("--backup");
  return request;
}

// One that is being built would begin anew, and one with tablespaces is never copied.
bool worth_ending(const Config& config, SystemId system_id) {
  const auto status = shadow::read_shadow_status(config.state_dir / shadow::kShadowStatusFile);
  if (!status || status->state != shadow::ShadowState::Following) return false;
  const auto origin = shadow::ShadowCopy(shadow_copy_places(config)).origin();
  return origin && *origin && (*origin)->system_id == system_id && (*origin)->tablespaces == 0;
}

// The shadow is told to end for as long as it is copied; the guard starts it again.
Result<bool> copy_of_shadow(const Config& config, const fs::path& into, SystemId system_id,
                            const std::stop_token& stop) {
  if (!worth_ending(config, system_id)) return false;
  const auto shadow = EndedShadow::end(config, stop);
  auto copied =
      shadow ? shadow->copy().copy_to(into, system_id, stop) : Result<bool>(fail(shadow.error()));
  if (copied || copied.error().code == ErrorCode::Cancelled) return copied;
  log_warning("the backup serves instead of the shadow's copy",
              {{"why", copied.error().message()}});
  std::error_code error;
  fs::remove_all(into, error);
  if (error) return fail(ErrorCode::Io, "remove " + into.string() + ": " + error.message());
  return false;
}

void take_from_shadow(const ArchiveTools& tools, archive::RestoreRequest& request) {
  const bool latest = request.target.kind == archive::RecoveryTarget::Kind::Latest;
  if (!tools.config.shadow.enabled || !latest || request.label) return;
  request.bring_copy = [&config = tools.config, stop = request.stop](const fs::path& into,
                                                                     SystemId system_id) {
    return copy_of_shadow(config, into, system_id, stop);
  };
}

Result<void> ask_to_merge(archive::UndropRequest& request) {
  if (request.subject.is_database() || !request.as.database.empty())
    return fail(Error(ErrorCode::Usage, "--merge adds rows to a table that exists")
                    .with_hint("Name the table, without --as; or leave --merge out."));
  request.existing = archive::UndropRequest::Existing::Merge;
  return {};
}

Result<archive::UndropRequest> request_for(const Invocation& invocation, ArchiveTools& tools,
                                           const ServerTarget& server, const StopOnSignal& stop) {
  archive::UndropRequest request;
  TRY(subject, subject_of(invocation.value("RELATION").value_or("")));
  request.subject = subject;
  if (const auto name = invocation.value("--as")) {
    TRY(as, other_name(subject, *name));
    request.as = as;
  }
  if (invocation.has("--merge")) TRY_VOID(ask_to_merge(request));
  TRY(restore, restore_of(invocation, tools, subject, stop));
  request.restore = restore;
  if (invocation.has("--from-shadow")) take_from_shadow(tools, request.restore);
  request.scratch = drill_directory(tools.config);
  request.live = {server.conninfo, server.connect_as, {}, stop.token()};
  auto& database = request.live.conninfo.database;
  if (database.empty() || database == subject.database)
    database = subject.database == "postgres" ? "template1" : "postgres";
  request.live_data_dir = tools.config.instance.data_dir;
  return request;
}

// Under the lock of `job`, and no longer in use when it is given back.
Result<ChosenPrograms> take_programs(const ArchiveTools& tools, std::string_view job,
                                     archive::UndropRequest& request) {
  TRY(major, major_of(*tools.store));
  TRY(chosen,
      choose_client_programs(tools.config, {.major = major,
                                            .job = job,
                                            .server = request.live.conninfo,
                                            .scratch = ProgramsQuestion::Scratch::Yes,
                                            .socket = shadow_socket_directory(tools.config)}));
  request.live.programs = chosen.programs.place;
  return std::move(chosen);
}

Result<int> show_plan(const Invocation& invocation, const ArchiveTools& tools,
                      archive::UndropRequest& request) {
  const auto lock = lock_job(tools.config, "undrop-plan");
  if (!lock) return fail(lock.error());
  const auto chosen = take_programs(tools, "undrop-plan", request);
  if (!chosen) return fail(chosen.error());
  TRY(planned, archive::plan_undrop(request));
  if (invocation.global.json) {
    fmt::print("{}", to_line({{"subject", request.subject.describe()},
                              {"as", request.as.database.empty() ? "" : request.as.describe()},
                              {"target", request.restore.target.describe()},
                              {"backup", planned.backup.label},
                              {"bytes", planned.backup.plain_bytes}}));
    return 0;
  }
  fmt::print(
      "Would restore {} of backup {} to {} in {}, copy {} into the live server{}, and "
      "remove the copy. Nothing was done.\n",
      format_size(planned.backup.plain_bytes), planned.backup.label,
      request.restore.target.describe(), request.scratch.string(), request.subject.describe(),
      request.as.database.empty() ? "" : " as " + request.as.describe());
  return 0;
}

void print(const archive::Merged& merged, const archive::UndropRequest& request) {
  fmt::print("{}: {} rows added as they were at {}; {} were there and stay as they are.\n",
             request.subject.describe(), merged.added, request.restore.target.describe(),
             merged.kept);
  if (merged.differing > 0)
    fmt::print("{} of those are not what they were: --as NAME brings that state back beside it.\n",
               merged.differing);
  if (merged.added == 0)
    fmt::print("No row was missing. Name a moment before the loss: --at '2026-11-21 03:00:00'.\n");
}

void print(const archive::Undropped& done, const archive::UndropRequest& request) {
  if (done.merged) return print(*done.merged, request);
  fmt::print("{} is back with {} rows, as it was at {} ({}).\n", done.name, done.rows,
             request.restore.target.describe(),
             done.from_shadow ? "out of the shadow" : "backup " + done.backup);
  if (done.earlier) fmt::print("An undrop that was interrupted had done it.\n");
  for (const auto& relation : done.relations)
    if (done.relations.size() > 1) fmt::print("  {}: {} rows\n", relation.name, relation.rows);
  for (const auto& note : done.notes) fmt::print("Not brought back: {}\n", note);
}

// What is back under its own name is what the guard knew: its incident is over. The guard that runs
// this itself reads what it says.
void tell_guard(const Config& config, const archive::UndropRequest& request,
                const archive::Undropped& done) {
  if (!request.as.database.empty() || std::getenv(recover::kUndropJobVariable) != nullptr) return;
  if (done.merged && done.merged->added == 0) return;  // nothing came back
  std::map<std::string, std::int64_t> rows_of;
  if (!request.subject.is_database() && !done.merged)
    for (const auto& relation : done.relations)
      rows_of[request.subject.database + "." + relation.name] = relation.rows;
  const auto there = done.merged ? done.merged->added + done.merged->kept : done.rows;
  rows_of.emplace(request.subject.describe(), there);
  for (const auto& [name, rows] : rows_of) {
    const auto told = GuardClient(config).post("/api/v1/note", {{"what", serve::kUndropped},
                                                                {"subject", name},
                                                                {"detail", std::to_string(rows)},
                                                                {"who", who_asks()}});
    if (told) continue;
    if (told.error().code == ErrorCode::GuardNotRunning) return;
    fmt::print(stderr, "pgkeel: the guard was not told that {} is back: {}\n", name,
               told.error().message());
  }
}

// A moment or a backup that somebody names is the one that is meant; the guard's job says where the
// guard saw it last, which is before what the gate knows.
std::optional<shadow::GateEntry> known_destruction(const Invocation& invocation,
                                                   const Config& config,
                                                   const archive::UndropRequest& request,
                                                   Lsn written, const std::stop_token& stop) {
  const bool of_guard = std::getenv(recover::kUndropJobVariable) != nullptr;
  if (!config.shadow.enabled || request.restore.label || invocation.has("--from-shadow") ||
      (invocation.value("--at") && !of_guard))
    return std::nullopt;
  auto entry = find_destruction(config, request.subject, written, stop);
  const bool earlier = entry && request.restore.target.lsn > entry->before;
  return earlier ? std::nullopt : entry;
}

// The shadow is read where it stands before it; a backup is replayed to the very end of the
// transaction, whose locks are nobody's in the copy. What is only read takes no other name.
Result<void> take_at(const shadow::GateEntry& entry, const Config& config,
                     archive::UndropRequest& request) {
  const bool database = entry.kind == shadow::HoldKind::Database;
  const auto last = database ? entry.before : entry.decided;
  TRY(target, archive::parse_target("before:" + to_string(last)));
  request.restore.target = target;
  if (!request.as.database.empty()) return {};
  request.standing = held_copy(config, entry, request.live.stop);
  return {};
}

// With the partitions of what was merged, which got its rows.
std::vector<std::string> names_back(const archive::UndropRequest& request,
                                    const archive::Undropped& done) {
  std::vector<std::string> names{request.subject.schema + "." + request.subject.table};
  for (const auto& relation : done.relations) names.push_back(relation.name);
  const auto name = pg::quote_qualified(request.subject.schema, request.subject.table);
  const auto literal = name ? pg::quote_literal(*name) : name;
  if (!done.merged || !literal) return names;
  const auto partitions = archive::ask_json(
      request.live, request.subject.database,
      fmt::format("select pg_catalog.json_agg(n.nspname || '.' || c.relname) from "
                  "pg_catalog.pg_partition_tree({}::regclass) t join pg_catalog.pg_class c on "
                  "c.oid = t.relid join pg_catalog.pg_namespace n on n.oid = c.relnamespace",
                  *literal));
  if (partitions && partitions->is_array())
    for (const auto& partition : *partitions) names.push_back(partition.get<std::string>());
  return names;
}

// The shadow goes on when all of it is back; a database comes back whole.
void tell_shadow(const Config& config, const archive::UndropRequest& request,
                 const archive::Undropped& done, const shadow::GateEntry& destroyed) {
  shadow::ReleaseWish wish{destroyed.decided, {}};
  if (!request.as.database.empty()) return;
  // Rows that were changed are still there, and not what they were.
  const auto* lost = destroyed.destruction->find(request.subject.schema, request.subject.table);
  const bool changed = lost != nullptr && lost->loss == shadow::Loss::Updated;
  if (done.merged && (done.merged->added == 0 || changed)) return;
  if (request.subject.is_database()) wish.back = {request.subject.database};
  else wish.back = names_back(request, done);
  const auto asked = shadow::ask_for_release(config.state_dir, wish);
  if (!asked) log_warning("the shadow is not told", {{"why", asked.error().message()}});
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(tools, open_archive(config));
  TRY(server, find_server_target(config));
  const StopOnSignal stop;
  TRY(request, request_for(invocation, tools, server, stop));
  if (invocation.has("--dry-run")) return show_plan(invocation, tools, request);
  ProgressLine line;
  const auto lock = await_turn(config, stop, line);
  if (!lock) return fail(lock.error());
  const auto chosen = take_programs(tools, "undrop", request);
  if (!chosen) return fail(chosen.error());
  TRY(written, written_by(server));
  const auto destroyed = known_destruction(invocation, config, request, written, stop.token());
  if (destroyed) TRY_VOID(take_at(*destroyed, config, request));
  if (!request.standing) TRY_VOID(await_received(config, written, stop));
  const auto began = SteadyClock::now();
  request.tell = [&](std::string_view what) { line.show(std::string(what)); };
  request.restore.tell = [&](const archive::RestoreProgress& progress) {
    const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    line.show("undrop: " + amount_text(progress.bytes, progress.bytes_total, took));
  };
  auto undropped = archive::undrop(request);
  if (!undropped && request.standing && undropped.error().code == ErrorCode::WrongState) {
    log_warning("the backup serves instead", {{"why", undropped.error().message()}});
    request.standing.reset();
    TRY_VOID(await_received(config, written, stop));
    undropped = archive::undrop(request);
  }
  TRY(done, std::move(undropped));
  const bool others = destroyed && unknown_ones_behind(config, *destroyed);
  done.exact = destroyed && destroyed->exact && request.standing && !others && !done.merged;
  if (others)
    done.notes.push_back(
        fmt::format("what was made and destroyed behind {}: if it had this name too, 'pgkeel "
                    "undrop list' shows "
                    "it from now on",
                    to_string(destroyed->before)));
  tell_guard(config, request, done);
  if (destroyed) tell_shadow(config, request, done, *destroyed);
  if (invocation.global.json) fmt::print("{}\n", archive::to_json(done).dump());
  else print(done, request);
  return 0;
}

}  // namespace

CommandSpec undrop_command() {
  return {
      .name = "undrop",
      .summary = "bring a dropped table or database back with its rows",
      .details =
          "Restores the newest backup before the moment beside the server, replays the WAL up "
          "to it, copies the table (with its indexes, constraints, sequences, triggers, "
          "rights, the views over it and the foreign keys to it) or the database into the "
          "running server, and removes the copy. Nothing that exists is overwritten: a table that "
          "was deleted from, truncated or made again gets its missing rows with --merge.",
      .example = "pgkeel undrop shop.public.orders --at '2026-11-21 03:00:00'",
      .options = {{.names = "--at",
                   .value = "TARGET",
                   .help = "a time, a WAL position, xid:N or name:LABEL; when left out: where "
                           "the guard last saw it, else the latest moment"},
                  {.names = "--as",
                   .value = "NAME",
                   .help = "bring it back under this name (or SCHEMA.NAME)"},
                  {.names = "--merge",
                   .help = "the table exists: add the rows it lacks, by its key, and change "
                           "none that it has"},
                  {.names = "--backup", .value = "ID", .help = "start from this backup"},
                  {.names = "--from-shadow",
                   .help = "with --at latest: from a copy of the shadow's, where there is one "
                           "without tablespaces, instead of the backup's files"},
                  {.names = "--dry-run", .help = "say what would be done"}},
      .arguments = {{.names = "RELATION",
                     .help = "database.schema.table, or the name of a database",
                     .given = OptionSpec::Given::Required}},
      .run = run};
}

}  // namespace pgkeel::app
