#include <gmock/gmock.h>

#include "archive/base_backup/command.hpp"
#include "archive/base_backup/leftovers.hpp"
#include "archive/base_backup/shard_sink.hpp"
#include "archive/base_backup/tar_header.hpp"
#include "archive/codec/encoded.hpp"
#include "support/memory_store.hpp"
#include "unit/archive/codec_fixture.hpp"

namespace pgkeel::archive {
namespace {

using testing::ElementsAre;

TEST(BaseBackupCommand, IsEachMajorsOwn) {
  // Goal: the two grammars of the command, with and without a limit of its rate (A10 D10).
  EXPECT_EQ(base_backup_command({.label = "x"}, 14),
            "BASE_BACKUP LABEL 'x' PROGRESS FAST NOWAIT TABLESPACE_MAP MANIFEST 'yes' "
            "MANIFEST_CHECKSUMS 'CRC32C'");
  EXPECT_EQ(base_backup_command({.label = "x", .bytes_per_s_max = 10U << 20U}, 15),
            "BASE_BACKUP (LABEL 'x', PROGRESS, CHECKPOINT 'fast', WAIT false, MAX_RATE 10240, "
            "TABLESPACE_MAP, MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C')");
  EXPECT_THAT(base_backup_command({.label = "x", .bytes_per_s_max = 1}, 13),
              testing::HasSubstr("MAX_RATE 32 "));
}

TEST(BackupMessage, IsReadWithinBounds) {
  // Goal: the four messages, and nothing else, cut ones neither (D10).
  const auto parse = [](std::string_view text) { return parse_backup_message(span_of(text)); };
  const auto archive = parse(std::string_view("n16400.tar\0/mnt/fast\0", 21));
  ASSERT_TRUE(archive);
  EXPECT_EQ(std::get<NewArchive>(*archive).name, "16400.tar");
  EXPECT_EQ(std::get<NewArchive>(*archive).location, "/mnt/fast");
  EXPECT_EQ(std::get<Content>(*parse("dabc")).bytes.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<NewManifest>(*parse("m")));
  EXPECT_EQ(std::get<Progress>(*parse(std::string_view("p\0\0\0\0\0\0\1\2", 9))).bytes_done, 258U);
  for (const std::string_view bad : {"", "x", "p123", "nbase.tar"})
    EXPECT_EQ(parse(bad).error().code, ErrorCode::Malformed) << bad;
}

std::string member(const std::string& name, std::size_t bytes) {
  TarMember header;
  header.name = name;
  header.size_bytes = bytes;
  const auto block = make_tar_header(header).value();
  std::string text(reinterpret_cast<const char*>(block.data()), block.size());
  return text + std::string(header.padded_bytes(), 'x');
}

TEST(Shards, AreWholeTars) {
  // Goal: cut between members only, each with an end; a large member stands alone; the server's own
  // end, which 13 and 14 do not send, makes no difference (D10).
  const std::string end(kTarEndBytes, '\0');
  const auto a = member("a", 3000);
  const auto b = member("b", 3000);
  const auto big = member("big", 50'000);
  const auto c = member("c", 10);
  for (const auto& tail : {std::string(), end}) {
    test::MemoryStore store;
    ShardedPart part{.store = &store,
                     .encoding = {.level = 3, .threads = 0, .key = {}},
                     .label = "20261121T030000Z",
                     .part = "data",
                     .shard_bytes = 8000};
    const auto sink = make_shard_sink(part);
    const auto tar = a + b + big + c + tail;
    for (std::size_t at = 0; at < tar.size(); at += 1000)
      ASSERT_TRUE(
          sink->write(span_of(tar).subspan(at, std::min<std::size_t>(1000, tar.size() - at))));
    ASSERT_TRUE(sink->finish());
    std::vector<std::string> plain;
    for (const auto& shard : part.shards)
      plain.push_back(read_encoded_text(store, shard.object.key, {}, 1U << 20U).value());
    EXPECT_THAT(plain, ElementsAre(a + b + end, big + end, c + end));
    EXPECT_EQ(part.shards[1].object.key, "backups/20261121T030000Z/data/00001.tar.zst");
    EXPECT_EQ(part.shards[1].part, "data");
    EXPECT_EQ(part.file_bytes, 56'010U);
  }
}

TEST(Shards, AreNeverCutShort) {
  // Goal: a stream that ends inside a member is an error, and its shard never appears (D7).
  test::MemoryStore store;
  ShardedPart part{.store = &store,
                   .encoding = {.level = 3, .threads = 0, .key = {}},
                   .label = "20261121T030000Z",
                   .part = "data"};
  {
    const auto sink = make_shard_sink(part);
    ASSERT_TRUE(sink->write(span_of(member("a", 3000)).first(1000)));
    EXPECT_EQ(sink->finish().error().code, ErrorCode::Malformed);
  }
  EXPECT_TRUE(store.objects.empty());
}

TEST(Leftovers, AreLabelsWithoutARecord) {
  // Goal: only what nobody finished and nobody works on is named and removed (D7).
  test::MemoryStore store;
  store.objects["backups/20261121T030000Z/backup.json"] = "{}";
  store.objects["backups/20261121T030000Z/data/00000.tar.zst"] = "x";
  store.objects["backups/20261120T030000Z/data/00000.tar.zst"] = "x";
  store.objects["backups/latest"] = "20261121T030000Z\n";
  EXPECT_THAT(incomplete_backups(store, Seconds(60), WallTime(Seconds(3600))).value(),
              ElementsAre("20261120T030000Z"));
  EXPECT_THAT(incomplete_backups(store, Seconds(60), WallTime(Seconds(30))).value(), ElementsAre());
  EXPECT_EQ(remove_incomplete_backup(store, "20261121T030000Z").error().code, ErrorCode::Refused);
  EXPECT_TRUE(remove_incomplete_backup(store, "20261120T030000Z"));
  EXPECT_EQ(store.objects.size(), 3U);
}

}  // namespace
}  // namespace pgkeel::archive
