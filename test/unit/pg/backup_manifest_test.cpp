#include "pg/backup_manifest.hpp"

#include <gmock/gmock.h>
#include <span>

namespace pgkeel::pg {
namespace {

using testing::HasSubstr;

std::string sha256(std::string_view text) {
  FileChecksum checksum(ChecksumAlgorithm::Sha256);
  checksum.update(std::as_bytes(std::span(text)));
  return checksum.hex();
}

std::string signed_text(const std::string& body) {
  return body + "\"Manifest-Checksum\": \"" + sha256(body) + "\"}\n";
}

/// As PostgreSQL 17 writes it, with what `files` adds.
std::string manifest_of(const std::string& files, int version = 2) {
  return signed_text("{ \"PostgreSQL-Backup-Manifest-Version\": " + std::to_string(version) +
                     ",\n\"System-Identifier\": 7320280665284567118,\n\"Files\": [\n" + files +
                     "\n],\n\"WAL-Ranges\": [\n{ \"Timeline\": 1, \"Start-LSN\": \"0/2000028\", "
                     "\"End-LSN\": \"0/2000120\" }\n],\n");
}

std::string file_named(const std::string& path) {
  return "{ \"Path\": \"" + path +
         "\", \"Size\": 8192, \"Last-Modified\": \"2026-11-21 10:00:00 GMT\", "
         "\"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"ABcdef12\" }";
}

TEST(BackupManifest, ReadsWhatTheServerWrites) {
  // Goal: files, encoded paths, ranges and the identifier of version 2 are all there (D10).
  const auto manifest = parse_backup_manifest(
      manifest_of(file_named("global/1262") + ",\n" + file_named("base/1/1259") +
                  ",\n{ \"Encoded-Path\": \"61e9\", \"Size\": 0, \"Last-Modified\": \"x\" }"));
  ASSERT_TRUE(manifest) << manifest.error().message();
  EXPECT_EQ(manifest->version, 2);
  EXPECT_EQ(manifest->system_id, SystemId(7320280665284567118ULL));
  ASSERT_EQ(manifest->files.size(), 3U);
  EXPECT_EQ(manifest->files[0].path, "a\xe9");
  EXPECT_EQ(manifest->files[0].algorithm, ChecksumAlgorithm::None);
  const auto* const file = manifest->find("base/1/1259");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->size_bytes, 8192U);
  EXPECT_EQ(file->algorithm, ChecksumAlgorithm::Crc32c);
  EXPECT_EQ(file->checksum, "abcdef12");
  EXPECT_EQ(manifest->find("base/1/1260"), nullptr);
  ASSERT_EQ(manifest->wal_ranges.size(), 1U);
  EXPECT_EQ(manifest->wal_ranges[0].start, Lsn(0x2000028));
  EXPECT_EQ(manifest->wal_ranges[0].end, Lsn(0x2000120));
}

TEST(BackupManifest, ReadsVersionOne) {
  // Goal: majors 13 to 16 have no system identifier in it (D10).
  const auto manifest = parse_backup_manifest(
      signed_text("{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n" +
                  file_named("PG_VERSION") + "\n],\n\"WAL-Ranges\": [ ],\n"));
  ASSERT_TRUE(manifest) << manifest.error().message();
  EXPECT_FALSE(manifest->system_id);
  EXPECT_EQ(manifest->files.size(), 1U);
}

TEST(BackupManifest, RefusesDamage) {
  // Goal: any changed byte, a cut and an unknown version are errors (D10).
  const auto good = manifest_of(file_named("base/1/1259"));
  for (const std::size_t at :
       {std::size_t{0}, good.find("8192"), good.find("base/1"), good.size() - 10}) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_EQ(parse_backup_manifest(bad).error().code, ErrorCode::Malformed) << at;
  }
  for (const std::size_t size : {std::size_t{0}, good.size() / 2, good.size() - 30})
    EXPECT_EQ(parse_backup_manifest(good.substr(0, size)).error().code, ErrorCode::Malformed);
  EXPECT_EQ(parse_backup_manifest(manifest_of(file_named("x"), 3)).error().code,
            ErrorCode::Unsupported);
  EXPECT_EQ(parse_backup_manifest(signed_text("[1,")).error().code, ErrorCode::Malformed);
}

TEST(BackupManifest, RefusesPathsThatLeaveTheDirectory) {
  // Goal: a manifest cannot make anybody read or write elsewhere, or one file twice (D10).
  for (const char* path :
       {"", "/etc/passwd", "../x", "base/../../x", "base//1", "./x", "base/", "base/\\u0000x"}) {
    const auto manifest = parse_backup_manifest(manifest_of(file_named(path)));
    ASSERT_FALSE(manifest) << path;
    EXPECT_THAT(manifest.error().message(), HasSubstr("leaves the data directory"));
  }
  const auto twice = parse_backup_manifest(manifest_of(file_named("x") + "," + file_named("x")));
  EXPECT_THAT(twice.error().message(), HasSubstr("twice"));
}

TEST(FileChecksum, IsWrittenAsInManifests) {
  // Goal: a CRC's bytes come lowest first, digests as everywhere; parts make no difference (D10).
  const std::string text = "123456789";
  const auto bytes = std::as_bytes(std::span(text));
  FileChecksum crc(ChecksumAlgorithm::Crc32c);
  crc.update(bytes.first(4));
  crc.update(bytes.subspan(4));
  EXPECT_EQ(crc.hex(), "839206e3");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(parse_checksum_algorithm("sha512"), ChecksumAlgorithm::Sha512);
  EXPECT_EQ(parse_checksum_algorithm("MD5"), std::nullopt);
  EXPECT_EQ(FileChecksum(ChecksumAlgorithm::None).hex(), "");
}

}  // namespace
}  // namespace pgkeel::pg
