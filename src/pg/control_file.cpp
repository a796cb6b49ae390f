// The layouts of 13 to 18 differ in two fields only: 17 put wal_level into what was padding of the
// checkpoint, 18 added default_char_signedness before the nonce, which moves the checksum. So one
// reader walks all of them, with the padding a 64-bit C compiler leaves.
#include "pg/control_file.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include <fmt/format.h>

#include "base/crc32c.hpp"

namespace pgkeel::pg {
namespace {

struct Release {
  int major;
  std::uint32_t control_version;
  std::uint32_t catalog_version;
};
// PG_CONTROL_VERSION and CATALOG_VERSION_NO never change within a major once it is released.
constexpr auto kReleases = std::to_array<Release>({
    {13, 1300, 202007201},
    {14, 1300, 202107181},
    {15, 1300, 202209061},
    {16, 1300, 202307071},
    {17, 1700, 202406281},
    {18, 1800, 202506291},
});

constexpr std::size_t kVersionOffset = 8;     // behind the system identifier, in every version
constexpr std::size_t kStructBytesMax = 512;  // PG_CONTROL_MAX_SAFE_SIZE: one disk sector
constexpr std::size_t kNonceBytes = 32;       // MOCK_AUTH_NONCE_LEN
constexpr double kFloatFormat = 1234567.0;    // FLOATFORMAT_VALUE, a test of the float format
constexpr std::uint32_t kMaxAlign = 8;        // the only alignment this layout is right for
constexpr std::int64_t kEpochSecondsMax = 253'402'300'799;  // the end of the year 9999

constexpr auto kStateNames = std::to_array<std::string_view>({
    "starting up",
    "shut down",
    "shut down in recovery",
    "shutting down",
    "in crash recovery",
    "in archive recovery",
    "in production",
});

std::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::ControlFileCorrupt, "pg_control " + std::move(what));
}

bool read_bool(ByteReader& reader) { return reader.read<std::uint8_t>() != 0; }

int read_int(ByteReader& reader) {
  reader.align(alignof(std::int32_t));
  return reader.read<std::int32_t>();
}

Lsn read_lsn(ByteReader& reader) {
  reader.align(alignof(std::uint64_t));
  return Lsn{reader.read<std::uint64_t>()};
}

std::int64_t read_seconds(ByteReader& reader) {
  reader.align(alignof(std::int64_t));
  return reader.read<std::int64_t>();
}

bool is_plausible_time(std::int64_t epoch_s) { return epoch_s >= 0 && epoch_s <= kEpochSecondsMax; }

WallTime wall_time(std::int64_t epoch_s) {
  return WallTime(Seconds(is_plausible_time(epoch_s) ? epoch_s : 0));
}

/// What is read beside the fields callers want, to judge whether the rest can be true.
struct Proof {
  std::int64_t modified_epoch_s = 0;
  std::int64_t checkpoint_epoch_s = 0;
  std::uint32_t raw_state = 0;
  std::uint32_t max_align = 0;
  double float_format = 0;
  std::size_t crc_offset = 0;
  std::uint32_t stored_crc = 0;
};

// struct CheckPoint; 13 to 16 have no wal_level in it, and the padding makes up for that.
void read_checkpoint(ByteReader& reader, ControlFile& file, Proof& proof) {
  file.redo = read_lsn(reader);
  file.timeline = TimelineId{reader.read<std::uint32_t>()};
  file.previous_timeline = TimelineId{reader.read<std::uint32_t>()};
  file.full_page_writes = read_bool(reader);
  reader.align(alignof(std::uint64_t));
  file.next_xid = Xid{reader.read<std::uint64_t>()};
  file.next_oid = Oid{reader.read<std::uint32_t>()};
  file.next_multixact = reader.read<std::uint32_t>();
  reader.skip(sizeof(std::uint32_t));  // nextMultiOffset
  file.oldest_xid = reader.read<std::uint32_t>();
  file.oldest_xid_database = Oid{reader.read<std::uint32_t>()};
  reader.skip(2 * sizeof(std::uint32_t));  // oldestMulti, oldestMultiDB
  proof.checkpoint_epoch_s = read_seconds(reader);
  file.checkpoint_at = wall_time(proof.checkpoint_epoch_s);
  reader.skip(2 * sizeof(std::uint32_t));  // oldestCommitTsXid, newestCommitTsXid
  file.oldest_active_xid = reader.read<std::uint32_t>();
}

void read_recovery(ByteReader& reader, ControlFile& file) {
  file.unlogged_lsn = read_lsn(reader);
  file.min_recovery_point = read_lsn(reader);
  file.min_recovery_timeline = TimelineId{reader.read<std::uint32_t>()};
  file.backup_start = read_lsn(reader);
  file.backup_end = read_lsn(reader);
  file.backup_end_required = read_bool(reader);
}

void read_settings(ByteReader& reader, ControlFile& file) {
  file.wal_level = read_int(reader);
  file.wal_log_hints = read_bool(reader);
  file.max_connections = read_int(reader);
  file.max_worker_processes = read_int(reader);
  file.max_wal_senders = read_int(reader);
  file.max_prepared_transactions = read_int(reader);
  file.max_locks_per_transaction = read_int(reader);
  file.track_commit_timestamp = read_bool(reader);
}

void read_geometry(ByteReader& reader, ControlFile& file, Proof& proof) {
  reader.align(alignof(std::uint32_t));
  proof.max_align = reader.read<std::uint32_t>();
  reader.align(alignof(double));
  proof.float_format = reader.read<double>();
  file.block_size = reader.read<std::uint32_t>();
  file.relation_segment_blocks = reader.read<std::uint32_t>();
  file.wal_block_size = reader.read<std::uint32_t>();
  file.wal_segment_bytes = reader.read<std::uint32_t>();
  reader.skip(4 * sizeof(std::uint32_t));  // nameDataLen, indexMaxKeys, TOAST and LOB chunk sizes
  reader.skip(1);                          // float8ByVal
  reader.align(alignof(std::uint32_t));
  file.data_checksum_version = reader.read<std::uint32_t>();
  if (file.major >= 18) file.default_char_signed = read_bool(reader);
  reader.skip(kNonceBytes);
}

void read_whole(ByteReader& reader, ControlFile& file, Proof& proof) {
  reader.seek(kVersionOffset + 2 * sizeof(std::uint32_t));
  proof.raw_state = reader.read<std::uint32_t>();
  proof.modified_epoch_s = read_seconds(reader);
  file.modified_at = wall_time(proof.modified_epoch_s);
  file.checkpoint = read_lsn(reader);
  read_checkpoint(reader, file, proof);
  read_recovery(reader, file);
  read_settings(reader, file);
  read_geometry(reader, file, proof);
  reader.align(alignof(std::uint32_t));
  proof.crc_offset = reader.offset();
  proof.stored_crc = reader.read<std::uint32_t>();
}

bool is_block_size(std::uint32_t bytes, std::uint32_t least, std::uint32_t most) {
  return std::has_single_bit(bytes) && bytes >= least && bytes <= most;
}

/// What cannot be true although the checksum holds; empty when all can.
std::string_view impossible(const ControlFile& file, const Proof& proof) {
  if (proof.raw_state >= kStateNames.size()) return "its state is none that exists";
  if (proof.max_align != kMaxAlign || proof.float_format != kFloatFormat)
    return "it was written by a server of another architecture";
  if (!is_block_size(file.block_size, 1U << 10U, 32U << 10U)) return "its block size is impossible";
  if (!is_block_size(file.wal_block_size, 1U << 10U, 64U << 10U))
    return "its WAL block size is impossible";
  if (!is_block_size(file.wal_segment_bytes, 1U << 20U, 1U << 30U))
    return "its WAL segment size is impossible";
  if (!file.system_id.valid()) return "its system identifier is zero";
  if (!is_plausible_time(proof.modified_epoch_s) || !is_plausible_time(proof.checkpoint_epoch_s))
    return "its times are impossible";
  return {};
}

// A file of a version nobody knows is whole if some field is the checksum of all before it.
bool holds_a_checksum(ByteSpan bytes) {
  const auto limit = std::min(bytes.size(), kStructBytesMax);
  for (std::size_t offset = 64; offset + sizeof(std::uint32_t) <= limit; offset += 4) {
    ByteReader reader(bytes);
    reader.seek(offset);
    if (reader.read<std::uint32_t>() == crc32c(bytes.first(offset))) return true;
  }
  return false;
}

std::unexpected<Error> unknown_version(ByteSpan bytes, const ControlFile& file) {
  const auto versions = fmt::format("has control version {} and catalog version {}",
                                    file.control_version, file.catalog_version);
  if (!holds_a_checksum(bytes)) return corrupt(versions + ", and no checksum that holds");
  return fail(ErrorCode::Unsupported, "pg_control " + versions + ", of no supported release");
}

std::unexpected<Error> other_byte_order() {
  return fail(
      Error(ErrorCode::Unsupported, "pg_control was written on a machine of the other byte order")
          .with_hint("Run the cluster on the architecture that made it, or dump and "
                     "restore; its files cannot be read here."));
}

bool all_zero(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Everything that can be said before the layout is known. Fills identity and versions.
Result<void> recognise(ByteSpan bytes, ControlFile& file) {
  ByteReader reader(bytes);
  file.system_id = SystemId{reader.read<std::uint64_t>()};
  file.control_version = reader.read<std::uint32_t>();
  file.catalog_version = reader.read<std::uint32_t>();
  if (reader.failed()) return corrupt(fmt::format("is too short: {} bytes", bytes.size()));
  if (all_zero(bytes)) return corrupt("holds nothing but zeros");
  // As the server tells it (xlog.c, ReadControlFile): a small number in the high half.
  if (file.control_version % 65536 == 0 && file.control_version / 65536 != 0)
    return other_byte_order();
  file.major = major_of_catalog(file.catalog_version);
  const auto* known = std::ranges::find(kReleases, file.major, &Release::major);
  if (known == kReleases.end() || known->control_version != file.control_version)
    return unknown_version(bytes, file);
  return {};
}

}  // namespace

std::string_view to_string(ClusterState state) { return kStateNames.at(std::to_underlying(state)); }

bool is_clean(ClusterState state) {
  return state == ClusterState::ShutDown || state == ClusterState::ShutDownInRecovery;
}

int major_of_catalog(std::uint32_t catalog_version) {
  const auto* found = std::ranges::find(kReleases, catalog_version, &Release::catalog_version);
  return found == kReleases.end() ? 0 : found->major;
}

Result<ControlFile> parse_control_file(ByteSpan bytes) {
  ControlFile file;
  TRY_VOID(recognise(bytes, file));
  Proof proof;
  ByteReader reader(bytes);
  read_whole(reader, file, proof);
  if (reader.failed()) return corrupt(fmt::format("is too short: {} bytes", bytes.size()));
  if (crc32c(bytes.first(proof.crc_offset)) != proof.stored_crc)
    return corrupt("has a checksum that does not match its content");
  if (const auto why = impossible(file, proof); !why.empty())
    return corrupt(fmt::format("cannot be true: {}", why));
  file.state = static_cast<ClusterState>(proof.raw_state);
  return file;
}

}  // namespace pgkeel::pg
