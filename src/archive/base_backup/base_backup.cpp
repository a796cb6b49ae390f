// See base_backup.hpp. The order is the guarantee: shards, manifest, record, latest.
#include "archive/base_backup/base_backup.hpp"

#include <poll.h>

#include <fmt/format.h>

#include "archive/base_backup/inlet.hpp"
#include "archive/base_backup/leftovers.hpp"
#include "archive/base_backup/server_facts.hpp"
#include "archive/base_backup/tar_header.hpp"
#include "archive/by_hand/by_hand.hpp"
#include "archive/catalog/layout.hpp"
#include "base/check.hpp"
#include "base/fault_point.hpp"

namespace pgkeel::archive {
namespace {

constexpr const char* kConfigPart = "config";

client::ReplicationOptions options_of(const BackupRequest& request) {
  client::ReplicationOptions options;
  options.application_name = "pgkeel backup";
  options.wake_fd = request.wake_fd;
  options.connect_as = request.connect_as;
  return options;
}

Result<void> check_label(const BackupRequest& request) {
  if (!is_label(request.label))
    return fail(ErrorCode::Refused, fmt::format("\"{}\" is no label of a backup", request.label));
  TRY(objects, request.store->list(backup_prefix(request.label)));
  if (objects.empty()) return {};
  return fail(ErrorCode::Refused,
              fmt::format("there is a backup {} already, or the rest of one in {}", request.label,
                          request.store->describe()));
}

Result<void> check_system(const BackupRequest& request, SystemId found) {
  if (!request.expected_system || *request.expected_system == found) return {};
  return fail(
      Error(ErrorCode::WrongIdentity,
            fmt::format("the server is cluster {}, this archive is of {}; nothing was stored",
                        to_string(found), to_string(*request.expected_system)))
          .with_hint("Give each cluster an archive of its own (archive.store)."));
}

/// A file that is not in the data directory, as a member of a tar; its name loses the leading "/".
Result<void> put_config_file(BackupInlet& inlet, const ConfigFile& file) {
  TarMember member;
  member.name = file.path.substr(1);
  member.size_bytes = file.content.size();
  TRY(header, make_tar_header(member));
  TRY_VOID(inlet.content(header));
  TRY_VOID(inlet.content(std::as_bytes(std::span(file.content))));
  const std::vector<std::byte> padding(member.padded_bytes() - member.size_bytes);
  return inlet.content(padding);
}

Result<void> put_config(BackupInlet& inlet, const std::vector<ConfigFile>& files) {
  if (files.empty()) return {};
  TRY_VOID(inlet.archive_begins(kConfigPart));
  for (const auto& file : files) TRY_VOID(put_config_file(inlet, file));
  return inlet.copy_ends();
}

Result<void> check_wanted(int wake_fd) {
  pollfd wake{wake_fd, POLLIN, 0};
  if (wake_fd < 0 || ::poll(&wake, 1, 0) <= 0) return {};
  return fail(ErrorCode::Cancelled, "told to stop");
}

Backup record_of(const BackupRequest& request, const ServerFacts& facts, const CopyFrame& frame) {
  Backup backup;
  backup.label = request.label;
  backup.system_id = facts.system_id;
  backup.timeline = frame.timeline;
  backup.start_lsn = frame.start_lsn;
  backup.stop_lsn = frame.stop_lsn;
  backup.wal_segment_bytes = facts.wal_segment_bytes;
  backup.data_checksums = facts.data_checksums;
  backup.tablespaces = frame.tablespaces;
  backup.made_by = request.made_by;
  return backup;
}

Result<void> publish(Store& store, const Backup& backup) {
  TRY_VOID(write_by_hand(store));
  fault_point("base_backup.publish:unrecorded");
  TRY_VOID(write_object(store, backup_key(backup.label), to_json(backup), Replace::Never));
  fault_point("base_backup.publish:recorded");
  return write_object(store, kLatestKey, backup.label + "\n", Replace::Always);
}

Result<Backup> take_backup(const BackupRequest& request, client::ReplicationSession session) {
  const auto started_at = wall_now();
  TRY(facts, read_server_facts(session));
  TRY_VOID(check_system(request, facts.system_id));
  BackupInlet inlet(request);
  inlet.report(BackupProgress::Phase::Checkpoint);
  const BackupCommand command{"pgkeel " + request.label, request.bytes_per_s_max};
  TRY(frame, copy_from_server(session, command, inlet));
  // After the copy, so that a table made meanwhile is named too.
  auto sql = read_sql_facts(request.conninfo, options_of(request), request.warn);
  TRY_VOID(check_wanted(request.wake_fd));  // what it interrupted there was a warning only
  TRY_VOID(put_config(inlet, sql.outside));
  auto backup = record_of(request, facts, frame);
  backup.server_version_num = session.server_version_num();
  backup.server_libc = std::move(sql.libc);
  backup.unlogged = std::move(sql.unlogged);
  inlet.record(backup);
  backup.started_at = started_at;
  backup.ended_at = wall_now();
  TRY_VOID(publish(*request.store, backup));
  return backup;
}

}  // namespace

Result<Backup> make_base_backup(const BackupRequest& given) {
  CHECK(given.store != nullptr);
  auto request = given;
  if (!request.warn) request.warn = [](std::string_view) {};
  TRY_VOID(check_label(request));
  TRY(session, client::ReplicationSession::open(request.conninfo, options_of(request)));
  auto backup = take_backup(request, std::move(session));
  // Nothing was recorded, unless only "latest" failed: then the backup stays, and is found by list.
  if (!backup) static_cast<void>(remove_incomplete_backup(*request.store, request.label));
  return backup;
}

}  // namespace pgkeel::archive
