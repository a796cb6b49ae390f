// See drill.hpp.
#include "archive/drill/drill.hpp"

#include <fmt/format.h>

#include "archive/drill/checks.hpp"
#include "archive/restore/scratch.hpp"

namespace pgkeel::archive {
namespace {

Result<Backup> backup_of(const DrillRequest& request) {
  auto& store = *request.restore.store;
  if (request.restore.label) return find_backup(store, *request.restore.label);
  TRY(backups, list_backups(store));
  if (backups.empty())
    return fail(Error(ErrorCode::NotFound, "the archive holds no backup")
                    .with_hint("'pgkeel backup now' makes one."));
  return backups.back();
}

}  // namespace

Result<Proof> drill(const DrillRequest& request) {
  TRY(backup, backup_of(request));
  TRY(scratch, Scratch::prepare(request.scratch, "drill", request.restore.account));
  TRY_VOID(scratch.ask_for_room(backup));
  RestoreRequest work = request.restore;
  work.into = scratch.data();
  work.label = backup.label;
  Proof proof;
  proof.kind = Proof::Kind::Drill;
  const auto done = restore(work, [&](const PrivateServer& server, const Restored&) {
    return ask_restored(server, request.questions, proof);
  });
  proof.at = wall_now();
  if (!done && done.error().code == ErrorCode::Cancelled) return fail(done.error());
  proof.holds = done.has_value();
  if (done) {
    proof.copy_took = done->copy_took;
    proof.replay_took = done->replay_took;
    proof.lsn = done->lsn;
    proof.checked.push_back(fmt::format("{} WAL segments replayed", done->segments));
  } else {
    proof.failure = done.error().message();
  }
  TRY_VOID(write_proof(*request.restore.store, backup.label, proof));
  TRY_VOID(scratch.clear());
  return proof;
}

}  // namespace pgkeel::archive
