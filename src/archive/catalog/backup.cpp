// See backup.hpp. Written with every field; read with every field required, so that a damaged
// record is an error and never a half-empty backup.
#include "archive/catalog/backup.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "archive/catalog/fields.hpp"
#include "archive/catalog/layout.hpp"
#include "archive/catalog/stored_fields.hpp"

namespace pgkeel::archive {
namespace {

using nlohmann::json;

constexpr std::size_t kRecordBytesMax = 16U << 20U;  // some 100,000 shards

json shards_json(const Backup& backup) {
  json list = json::array();
  for (const auto& shard : backup.shards) {
    auto row = fields::object_json(shard.object);
    row["part"] = shard.part;
    list.push_back(std::move(row));
  }
  return list;
}

json tablespaces_json(const Backup& backup) {
  json list = json::array();
  for (const auto& space : backup.tablespaces)
    list.push_back({{"oid", space.oid.value}, {"location", space.location}});
  return list;
}

void read_place(const json& from, Backup& backup) {
  backup.system_id = fields::system_id(from, "system_identifier");
  backup.server_version_num = fields::number<int>(from, "server_version_num");
  backup.timeline = fields::timeline(from, "timeline");
  backup.start_lsn = fields::lsn(from, "start_lsn");
  backup.stop_lsn = fields::lsn(from, "stop_lsn");
  backup.wal_segment_bytes = fields::number<std::uint64_t>(from, "wal_segment_bytes");
  if (!pg::valid_segment_bytes(backup.wal_segment_bytes) || backup.stop_lsn <= backup.start_lsn)
    throw std::invalid_argument("impossible WAL positions");
}

void read_content(const json& from, Backup& backup) {
  for (const auto& space : from.at("tablespaces"))
    backup.tablespaces.push_back(
        {Oid(fields::number<std::uint32_t>(space, "oid")), fields::text(space, "location")});
  backup.unlogged = from.at("unlogged").get<std::vector<std::string>>();
  for (const auto& shard : from.at("shards"))
    backup.shards.push_back({fields::text(shard, "part"), fields::stored_object(shard)});
  backup.manifest = fields::stored_object(from.at("manifest"));
  backup.plain_bytes = fields::number<std::uint64_t>(from, "plain_bytes");
  backup.stored_bytes = fields::number<std::uint64_t>(from, "stored_bytes");
}

Backup read_backup(const json& from) {
  Backup backup;
  backup.label = fields::text(from, "label");
  read_place(from, backup);
  backup.started_at = fields::time(from, "started_at");
  backup.ended_at = fields::time(from, "ended_at");
  backup.data_checksums = fields::flag(from, "data_checksums");
  backup.server_libc = fields::text(from, "server_libc");
  read_content(from, backup);
  backup.made_by = fields::text(from, "made_by");
  return backup;
}

Result<Backup> load(Store& store, const std::string& key) {
  TRY(text, read_object(store, key, kRecordBytesMax));
  auto backup = parse_backup(text);
  if (!backup) return fail(std::move(backup).error().with_context("read " + key));
  if (backup_key(backup->label) != key)
    return fail(ErrorCode::Malformed, fmt::format("{} is the record of {}", key, backup->label));
  return backup;
}

}  // namespace

std::string to_json(const Backup& backup) {
  const json record{{"format", kFormat},
                    {"label", backup.label},
                    {"kind", "full"},
                    {"system_identifier", to_string(backup.system_id)},
                    {"server_version_num", backup.server_version_num},
                    {"timeline", backup.timeline.value},
                    {"start_lsn", to_string(backup.start_lsn)},
                    {"stop_lsn", to_string(backup.stop_lsn)},
                    {"wal_segment_bytes", backup.wal_segment_bytes},
                    {"started_at", to_iso8601(backup.started_at)},
                    {"ended_at", to_iso8601(backup.ended_at)},
                    {"data_checksums", backup.data_checksums},
                    {"server_libc", backup.server_libc},
                    {"tablespaces", tablespaces_json(backup)},
                    {"unlogged", backup.unlogged},
                    {"shards", shards_json(backup)},
                    {"manifest", fields::object_json(backup.manifest)},
                    {"plain_bytes", backup.plain_bytes},
                    {"stored_bytes", backup.stored_bytes},
                    {"made_by", backup.made_by}};
  return record.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Backup> parse_backup(std::string_view text) {
  const auto record = json::parse(text, nullptr, false);
  if (record.is_discarded() || !record.is_object())
    return fail(ErrorCode::Malformed, "no backup record: not a JSON object");
  try {
    const int format = fields::number<int>(record, "format");
    if (format > kFormat)
      return fail(
          Error(ErrorCode::Unsupported,
                fmt::format("the backup is of format {}, this pgkeel reads {}", format, kFormat))
              .with_hint("Use the newer pgkeel that wrote it."));
    return read_backup(record);
  } catch (const std::exception& problem) {
    return fail(ErrorCode::Malformed, fmt::format("damaged backup record: {}", problem.what()));
  }
}

Result<std::vector<Backup>> list_backups(Store& store) {
  TRY(objects, store.list(kBackupsPrefix));
  std::vector<Backup> backups;
  for (const auto& object : objects) {
    if (!object.key.ends_with("/backup.json")) continue;
    TRY(backup, load(store, object.key));
    backups.push_back(std::move(backup));
  }
  return backups;
}

Result<Backup> find_backup(Store& store, std::string_view label) {
  if (is_label(label)) {
    TRY(there, store.stat(backup_key(label)));
    if (there) return load(store, there->key);
  }
  TRY(backups, list_backups(store));
  std::string known;
  for (const auto& backup : backups) known += (known.empty() ? "" : ", ") + backup.label;
  return fail(ErrorCode::NotFound,
              fmt::format("there is no backup {} in {}; there {}", label, store.describe(),
                          known.empty() ? "is none at all" : "are " + known));
}

}  // namespace pgkeel::archive
