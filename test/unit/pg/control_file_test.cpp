// pg_control of six majors, as recorded from real servers beside what SQL said of the same moment;
// and every way such a file can be no good.
#include "pg/control_file.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/crc32c.hpp"
#include "unit/pg/recorded.hpp"

namespace pgkeel::pg {
namespace {

using test::bytes_of;
using test::recorded;

constexpr std::size_t kStateOffset = 16;
constexpr std::size_t kVersionOffset = 8;
constexpr std::size_t kBlockSizeOffset = 216;

class RecordedControlFile : public testing::TestWithParam<int> {
 protected:
  std::string live_ = recorded(GetParam(), "control_live.bin");
  std::size_t crc_offset_ = GetParam() >= 18 ? 292 : 288;

  /// The live file with one 32-bit number replaced and the checksum made right again.
  std::string altered(std::size_t offset, std::uint32_t number) const {
    auto bytes = live_;
    std::memcpy(bytes.data() + offset, &number, sizeof number);
    const auto crc = crc32c(bytes_of(bytes).first(crc_offset_));
    std::memcpy(bytes.data() + crc_offset_, &crc, sizeof crc);
    return bytes;
  }
  static Error error_of(std::string_view bytes) {
    auto file = parse_control_file(bytes_of(bytes));
    return file ? Error(ErrorCode::Failed, "it parsed") : std::move(file).error();
  }
};

TEST_P(RecordedControlFile, agrees_with_what_sql_said) {
  // Goal: E6 D1: identity, positions and geometry are the server's own, field by field.
  const auto file = parse_control_file(bytes_of(live_));
  ASSERT_TRUE(file.has_value()) << file.error().message();
  const auto sql = nlohmann::json::parse(recorded(GetParam(), "control_live.json"));
  EXPECT_EQ(file->major, GetParam());
  EXPECT_EQ(file->system_id.value, sql["system_identifier"].get<std::uint64_t>());
  EXPECT_EQ(file->control_version, sql["pg_control_version"].get<std::uint32_t>());
  EXPECT_EQ(file->catalog_version, sql["catalog_version_no"].get<std::uint32_t>());
  EXPECT_EQ(to_string(file->checkpoint), sql["checkpoint_lsn"].get<std::string>());
  EXPECT_EQ(to_string(file->redo), sql["redo_lsn"].get<std::string>());
  EXPECT_EQ(file->timeline.value, sql["timeline_id"].get<std::uint32_t>());
  EXPECT_EQ(file->previous_timeline.value, sql["prev_timeline_id"].get<std::uint32_t>());
  EXPECT_EQ(file->full_page_writes, sql["full_page_writes"].get<bool>());
  EXPECT_EQ("0:" + to_string(file->next_xid), sql["next_xid"].get<std::string>());
  EXPECT_EQ(to_string(file->next_oid), sql["next_oid"].get<std::string>());
  EXPECT_EQ(std::to_string(file->next_multixact), sql["next_multixact_id"].get<std::string>());
  EXPECT_EQ(std::to_string(file->oldest_xid), sql["oldest_xid"].get<std::string>());
  EXPECT_EQ(to_string(file->oldest_xid_database), sql["oldest_xid_dbid"].get<std::string>());
  EXPECT_EQ(std::to_string(file->oldest_active_xid), sql["oldest_active_xid"].get<std::string>());
  EXPECT_EQ(file->block_size, sql["database_block_size"].get<std::uint32_t>());
  EXPECT_EQ(file->relation_segment_blocks, sql["blocks_per_segment"].get<std::uint32_t>());
  EXPECT_EQ(file->wal_block_size, sql["wal_block_size"].get<std::uint32_t>());
  EXPECT_EQ(file->wal_segment_bytes, sql["bytes_per_wal_segment"].get<std::uint32_t>());
  EXPECT_EQ(file->data_checksum_version, sql["data_page_checksum_version"].get<std::uint32_t>());
  const auto checkpoint_at = sql["checkpoint_time"].get<std::string>();
  EXPECT_EQ(file->checkpoint_at, parse_iso8601(checkpoint_at));
  const auto modified_at = sql["pg_control_last_modified"].get<std::string>();
  EXPECT_EQ(file->modified_at, parse_iso8601(modified_at));
}

TEST_P(RecordedControlFile, holds_the_settings_the_server_ran_with) {
  // Goal: what a standby must match is read from its place in every layout (tools/record-pg-data
  // chose numbers that no default has).
  const auto file = parse_control_file(bytes_of(live_));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->wal_level, 2);
  EXPECT_TRUE(file->wal_log_hints);
  EXPECT_EQ(file->max_connections, 37);
  EXPECT_EQ(file->max_worker_processes, 9);
  EXPECT_EQ(file->max_wal_senders, 7);
  EXPECT_EQ(file->max_prepared_transactions, 3);
  EXPECT_EQ(file->max_locks_per_transaction, 70);
  EXPECT_TRUE(file->track_commit_timestamp);
  EXPECT_TRUE(file->default_char_signed);
  EXPECT_FALSE(file->min_recovery_point.valid());
  EXPECT_FALSE(file->backup_start.valid());
  EXPECT_FALSE(file->backup_end_required);
}

TEST_P(RecordedControlFile, tells_running_from_shut_down) {
  // Goal: D3 D6: the state by which a crash is told from a clean stop.
  EXPECT_EQ(parse_control_file(bytes_of(live_))->state, ClusterState::InProduction);
  const auto stopped = parse_control_file(bytes_of(recorded(GetParam(), "control_stopped.bin")));
  ASSERT_TRUE(stopped.has_value());
  EXPECT_EQ(stopped->state, ClusterState::ShutDown);
  EXPECT_EQ(stopped->redo, stopped->checkpoint) << "a shutdown checkpoint replays nothing";
  EXPECT_TRUE(is_clean(stopped->state));
}

TEST_P(RecordedControlFile, every_flipped_bit_is_found) {
  // Goal: no single bit under the checksum can change unseen, and none makes the reader fall over.
  for (std::size_t at = 0; at < crc_offset_ + 4; ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto bytes = live_;
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit));
      const auto code = error_of(bytes).code;
      EXPECT_EQ(code, ErrorCode::ControlFileCorrupt) << "byte " << at << " bit " << bit;
    }
  }
}

TEST_P(RecordedControlFile, every_shorter_file_is_refused) {
  // Goal: a half-copied file is corrupt, never read past its end.
  for (std::size_t size = 0; size < crc_offset_ + 4; ++size)
    EXPECT_EQ(error_of(live_.substr(0, size)).code, ErrorCode::ControlFileCorrupt) << size;
  EXPECT_TRUE(parse_control_file(bytes_of(live_.substr(0, crc_offset_ + 4))).has_value());
}

TEST_P(RecordedControlFile, the_other_byte_order_is_named) {
  // Goal: a big-endian cluster is refused for what it is, not as corrupt.
  std::string swapped = live_;
  for (std::size_t at = kVersionOffset; at < kVersionOffset + 8; at += 4)
    std::reverse(swapped.begin() + static_cast<std::ptrdiff_t>(at),
                 swapped.begin() + static_cast<std::ptrdiff_t>(at) + 4);
  const auto error = error_of(swapped);
  EXPECT_EQ(error.code, ErrorCode::Unsupported);
  EXPECT_NE(error.detail.find("byte order"), std::string::npos);
}

TEST_P(RecordedControlFile, a_whole_file_of_an_unknown_release_is_unsupported) {
  // Goal: a newer or older server's file is told from a damaged one by its own checksum.
  const auto newer = altered(kVersionOffset, 1900);
  EXPECT_EQ(error_of(newer).code, ErrorCode::Unsupported);
  EXPECT_NE(error_of(newer).detail.find("1900"), std::string::npos);
  EXPECT_EQ(error_of(altered(kVersionOffset + 4, 202999999)).code, ErrorCode::Unsupported);
}

TEST_P(RecordedControlFile, what_cannot_be_true_is_refused_though_the_checksum_holds) {
  // Goal: an impossible state or block size never reaches a caller's arithmetic.
  EXPECT_EQ(error_of(altered(kStateOffset, 7)).code, ErrorCode::ControlFileCorrupt);
  EXPECT_EQ(error_of(altered(kBlockSizeOffset, 0)).code, ErrorCode::ControlFileCorrupt);
  EXPECT_EQ(error_of(altered(kBlockSizeOffset, 12'000)).code, ErrorCode::ControlFileCorrupt);
}

TEST_P(RecordedControlFile, every_state_has_its_words) {
  // Goal: all seven states are read and named as pg_controldata names them.
  constexpr std::string_view kWords[] = {
      "starting up",       "shut down",           "shut down in recovery", "shutting down",
      "in crash recovery", "in archive recovery", "in production"};
  for (std::uint32_t state = 0; state < std::size(kWords); ++state) {
    const auto file = parse_control_file(bytes_of(altered(kStateOffset, state)));
    ASSERT_TRUE(file.has_value());
    EXPECT_EQ(to_string(file->state), kWords[state]);
    EXPECT_EQ(is_clean(file->state), kWords[state].starts_with("shut down"));
  }
}

INSTANTIATE_TEST_SUITE_P(Majors, RecordedControlFile, testing::ValuesIn(test::kRecordedMajors),
                         [](const auto& info) { return "of_" + std::to_string(info.param); });

TEST(ControlFile, zeros_and_nothing_are_corrupt_each_in_its_words) {
  // Goal: an empty file, a hole and a torn copy read differently to whoever must mend them.
  const auto zeros = parse_control_file(bytes_of(std::string(kControlFileBytes, '\0'))).error();
  EXPECT_EQ(zeros.code, ErrorCode::ControlFileCorrupt);
  EXPECT_NE(zeros.detail.find("zeros"), std::string::npos);
  const auto empty = parse_control_file({}).error();
  EXPECT_EQ(empty.code, ErrorCode::ControlFileCorrupt);
  EXPECT_NE(empty.detail.find("too short"), std::string::npos);
}

TEST(ControlFile, major_of_catalog_knows_the_six_releases) {
  // Goal: the table has one major each, and nothing for the rest.
  EXPECT_EQ(major_of_catalog(202007201), 13);
  EXPECT_EQ(major_of_catalog(202506291), 18);
  EXPECT_EQ(major_of_catalog(201909212), 0) << "12";
}

}  // namespace
}  // namespace pgkeel::pg
