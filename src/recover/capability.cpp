// See capability.hpp: the table of features, that of needs, and that of kinds for the reference.
#include "recover/capability.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/check.hpp"

namespace pgkeel::recover {
namespace {

using enum Need;

constexpr auto kFeatures = std::to_array<Feature>({
    {"notice_death", "notice the server's death at once", {SeeProcess}},
    {"probe", "log in, name what is missing, warn of limits", {Nothing}},
    {"name_file_causes", "name causes in files: configuration, control file, disk", {SeeFiles}},
    {"read_server_log", "read the server's log", {SeeFiles}},
    {"see_all_sessions", "see what every session does", {ReadStats}},
    {"restart_server", "start a server that died", {Start}},
    {"resume_server", "continue a server that was suspended", {SeeProcess, Stop}},
    {"replace_hung_server", "replace a server that hangs", {SeeProcess, Stop, Start}},
    {"restore_configuration", "put the last good configuration back", {SeeFiles, MoveFiles}},
    {"restore_control_file",
     "put a lost control file back and replay the WAL",
     {SeeFiles, MoveFiles, Start}},
    {"put_control_file_back",
     "put back a control file that was deleted under a running server",
     {SeeProcess, SeeFiles, MoveFiles}},
    {"mend_permissions",
     "give the data directory back to the server's account",
     {SeeFiles, MoveFiles, Start}},
    {"make_room",
     "free what is of no use on a full disk, and say what fills it",
     {SeeFiles, MoveFiles}},
    {"reattach_data", "find a lost data directory and put it back", {SeeFiles, MoveFiles}},
    {"restore_data", "restore a lost data directory from the archive", {SeeFiles, MoveFiles}},
    {"replace_fresh_cluster",
     "put the known data back over a fresh cluster",
     {SeeFiles, MoveFiles, Stop, Start}},
    {"keep_definitions", "keep definitions, to re-create what is lost", {ReadTables}},
    {"create_database", "create a required database that was never there", {CreateDb}},
    {"restore_database", "restore a lost database from the archive", {CreateDb}},
    {"restore_table", "restore a lost table from the archive", {Ownership}},
    {"recreate_database", "re-create a lost database, empty", {CreateDb}},
    {"recreate_table", "re-create a lost table, empty", {Ownership}},
    {"end_idle_sessions", "end idle sessions while clients are refused", {ReadStats, Signal}},
    {"end_idle_transaction",
     "end a session idle in a transaction that holds others up",
     {ReadStats, Signal}},
    {"lower_parallel_workers", "let queries run without parallel workers", {ReadStats}},
    {"drop_own_slot", "drop a replication slot that pgkeel made and uses no more", {ReadStats}},
    {"restore_beside", "restore a damaged table beside the live one", {Ownership}},
    {"relieve_memory", "start a server that ran out of memory, with more room", {Start}},
    {"end_second_server",
     "end a server that was started over the data of a running one",
     {SeeProcess, Stop}},
    {"rebuild_index", "make a damaged index anew from a sound table", {Ownership}},
});

constexpr auto kNeeds = std::to_array<NeedInfo>({
    {Nothing, "", ""},
    {SeeProcess, "needs the server's process",
     "a human: the guard cannot see the server's process"},
    {SeeFiles, "needs the data directory", "a human: the guard cannot see the data directory"},
    {Start, "needs to start the server", "a human: the guard may not start the server"},
    {Stop, "needs to signal the server", "a human: the guard may not signal the server"},
    {MoveFiles, "needs to move files beside the data directory",
     "a human: the guard may not move the server's files"},
    {CreateDb, "needs CREATEDB", "a human: the guard's role lacks CREATEDB"},
    {Ownership, "needs a member of the database's owner",
     "a human: the guard's role does not own the database"},
    {ReadStats, "needs pg_read_all_stats", "a human: the guard's role lacks pg_read_all_stats"},
    {Signal, "needs pg_signal_backend", "a human: the guard's role lacks pg_signal_backend"},
    {ReadTables, "needs SELECT on every table",
     "a human: the guard's role may not read every table"},
});

// Kinds at their best: as root or the server's owner, or with the engine's socket.
struct KindRow {
  instance::Kind kind;
  instance::Capabilities reach;
};
constexpr instance::Capabilities kEverything{true, true, true, true, true};
constexpr auto kKinds = std::to_array<KindRow>({
    {instance::Kind::Embedded, kEverything},
    {instance::Kind::Managed, kEverything},
    {instance::Kind::Container, kEverything},
    {instance::Kind::Remote, {}},
});

bool reads_every_table(const sense::Observation& seen) {
  return std::ranges::all_of(seen.catalog.listings, [](const auto& listing) {
    return std::ranges::all_of(listing.second.relations, &sense::Relation::readable);
  });
}

bool is_right(Need need) {
  return need == CreateDb || need == Ownership || need == ReadStats || need == Signal ||
         need == ReadTables;
}

bool reaches(Need need, const instance::Capabilities& reach) {
  switch (need) {
    case SeeProcess: return reach.sees_process;
    case SeeFiles: return reach.sees_files;
    case Start: return reach.can_start;
    case Stop: return reach.can_stop;
    case MoveFiles: return reach.can_move_files;
    default: return true;
  }
}

bool holds(Need need, const sense::Observation& seen) {
  const auto& rights = seen.rights;
  if (!is_right(need)) return reaches(need, seen.reach);
  if (!rights.seen || rights.superuser) return true;
  switch (need) {
    case CreateDb: return rights.createdb;
    case Ownership: return rights.owns_database;
    case ReadStats: return rights.reads_stats;
    case Signal: return rights.signals;
    default: return reads_every_table(seen);
  }
}

// "yes", "yes, with CREATEDB", "no: needs the data directory".
std::string cell(const Feature& feature, const instance::Capabilities& reach) {
  std::string rights;
  for (const auto need : feature.needs) {
    const auto& info = need_info(need);
    if (!reaches(need, reach)) return fmt::format("no: {}", info.clause);
    if (is_right(need)) rights += fmt::format("; {}", info.clause);
  }
  return "yes" + rights;
}

}  // namespace

std::span<const Feature> features() { return kFeatures; }

const NeedInfo& need_info(Need need) {
  for (const auto& info : kNeeds)
    if (info.need == need) return info;
  CHECK(false);
  __builtin_unreachable();
}

const NeedInfo* lacking(const Feature& feature, const sense::Observation& seen) {
  for (const auto need : feature.needs)
    if (!holds(need, seen)) return &need_info(need);
  return nullptr;
}

const NeedInfo* lacking_for(std::string_view name, const sense::Observation& seen) {
  const auto* feature = std::ranges::find(kFeatures, name, &Feature::name);
  return feature == kFeatures.end() ? nullptr : lacking(*feature, seen);
}

std::string capabilities_markdown() {
  std::string text =
      "# Capabilities\n\n"
      "Made from the table in src/recover/capability.cpp; the unit tests compare the two. What "
      "the\n"
      "guard can do depends on the kind of the instance and on the rights of the account and of "
      "the\n"
      "role it uses. `pgkeel status` shows what holds for yours; nothing else is attempted, and "
      "an\n"
      "incident whose remedy cannot be had waits for a human and says why.\n\n"
      "A superuser holds every right named here. Local kinds: as root or as the server's owner;\n"
      "container: with the engine's socket.\n\n| |";
  std::string line = "|---|";
  for (const auto& kind : kKinds) {
    text += fmt::format(" {} |", instance::to_string(kind.kind));
    line += "---|";
  }
  text += "\n" + line + "\n";
  for (const auto& feature : kFeatures) {
    text += fmt::format("| `{}`: {} |", feature.name, feature.sentence);
    for (const auto& kind : kKinds) text += fmt::format(" {} |", cell(feature, kind.reach));
    text += "\n";
  }
  return text;
}

}  // namespace pgkeel::recover
