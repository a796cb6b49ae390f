// A manifest is read from a store that others may write to. Goal: nothing crashes the reader, with
// its own checksum right or wrong, and every path it accepts stays inside the data directory.
#include "pg/backup_manifest.hpp"

#include <filesystem>
#include <span>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

namespace {

void check(std::string_view text) {
  const auto manifest = pgkeel::pg::parse_backup_manifest(text);
  if (!manifest) return;
  CHECK(manifest->version == 1 || manifest->version == 2);
  for (const auto& file : manifest->files) {
    const auto path = std::filesystem::path(file.path);
    CHECK(path.is_relative() && path.lexically_normal() == path);
    CHECK(*path.begin() != "..");
    CHECK(manifest->find(file.path) == &file);
  }
  for (const auto& range : manifest->wal_ranges) CHECK(range.start <= range.end);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = std::string(pgkeel::test::text_of(bytes, size));
  check(text);
  pgkeel::pg::FileChecksum checksum(pgkeel::pg::ChecksumAlgorithm::Sha256);
  checksum.update(std::as_bytes(std::span(text)));
  check(text + "\"Manifest-Checksum\": \"" + checksum.hex() + "\"}\n");
  return 0;
}
