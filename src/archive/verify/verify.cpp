// See verify.hpp.
#include "archive/verify/verify.hpp"

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"
#include "archive/codec/crypto.hpp"
#include "archive/restore/extract.hpp"
#include "archive/restore/manifest_check.hpp"
#include "archive/restore/untar.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::size_t kBufferBytes = 1U << 20U;

class Verification {
 public:
  explicit Verification(const VerifyRequest& request) : request_(&request), buffer_(kBufferBytes) {}

  Result<VerifyReport> run() {
    const auto manifest = read_manifest(*request_->store, *request_->keys, *request_->backup);
    if (!manifest) TRY_VOID(note(manifest.error(), request_->backup->manifest.key));
    if (manifest) TRY_VOID(check_shards(*manifest));
    TRY_VOID(check_wal());
    return std::move(report_);
  }

 private:
  // Damage is what the report is for; anything else ends the verification.
  Result<void> note(const Error& error, const std::string& where) {
    const bool damage = error.code == ErrorCode::Malformed || error.code == ErrorCode::NotFound;
    if (!damage) return fail(Error(error).with_context("verify " + where));
    report_.damage.push_back(where + ": " + error.message());
    return {};
  }

  Result<void> check_shards(const pg::BackupManifest& manifest);
  Result<void> check_shard(const Shard& shard, ManifestCheck& check);
  Result<void> check_file(const std::string& path, TarReader& tar, ManifestCheck& check);
  Result<void> check_wal();
  Result<void> check_segment(const std::string& key);
  Result<std::size_t> read(TarReader& tar);

  const VerifyRequest* request_;
  VerifyReport report_;
  std::vector<std::byte> buffer_;
  std::size_t files_ = 0;
};

Result<std::size_t> Verification::read(TarReader& tar) {
  if (request_->stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
  TRY(got, tar.read(buffer_));
  if (request_->bytes != nullptr) *request_->bytes += got;
  return got;
}

Result<void> Verification::check_file(const std::string& path, TarReader& tar,
                                      ManifestCheck& check) {
  TRY(expected, check.expect(path));
  pg::FileChecksum checksum(expected == nullptr ? pg::ChecksumAlgorithm::None
                                                : expected->algorithm);
  std::uint64_t size = 0;
  while (true) {
    TRY(got, read(tar));
    if (got == 0) break;
    checksum.update(std::span(buffer_).first(got));
    size += got;
  }
  ++files_;
  if (expected == nullptr) return {};
  return ManifestCheck::compare(*expected, size, checksum.hex());
}

Result<void> Verification::check_shard(const Shard& shard, ManifestCheck& check) {
  TRY(source, read_encoded(*request_->store, shard.object.key, *request_->keys, &shard.object));
  TarReader tar(*source);
  const bool config = shard.part == "config";
  std::string prefix;
  if (shard.part.starts_with("tablespace-"))
    prefix = "pg_tblspc/" + shard.part.substr(std::string_view("tablespace-").size()) + "/";
  while (true) {
    TRY(member, tar.next());
    if (!member) return {};
    if (member->kind != MemberKind::File || config) continue;
    const auto file = check_file(prefix + member->name, tar, check);
    if (!file && file.error().code != ErrorCode::Malformed) return fail(file.error());
    if (!file) TRY_VOID(note(file.error(), shard.object.key));
  }
}

Result<void> Verification::check_shards(const pg::BackupManifest& manifest) {
  ManifestCheck check(manifest);
  for (const auto& shard : request_->backup->shards) {
    const auto checked = check_shard(shard, check);
    if (!checked) TRY_VOID(note(checked.error(), shard.object.key));
  }
  report_.checked.push_back(
      fmt::format("{} files in {} shards", files_, request_->backup->shards.size()));
  if (const auto whole = check.all_seen(); !whole)
    TRY_VOID(note(whole.error(), request_->backup->label));
  return {};
}

Result<void> Verification::check_segment(const std::string& key) {
  TRY(text, read_encoded_text(*request_->store, key, *request_->keys,
                              request_->backup->wal_segment_bytes));
  if (request_->bytes != nullptr) *request_->bytes += text.size();
  if (text.size() != request_->backup->wal_segment_bytes)
    return fail(ErrorCode::Malformed, fmt::format("{} bytes long", text.size()));
  if (sha256_hex(text) != parse_wal_key(key)->sha256)
    return fail(ErrorCode::Malformed, "does not hold what its name says");
  return {};
}

Result<void> Verification::check_wal() {
  const auto& backup = *request_->backup;
  std::size_t count = 0;
  for (auto segment = backup.first_segment();; segment = segment.next()) {
    if (request_->stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    const std::string* key = request_->wal->find(segment);
    if (key == nullptr && segment > backup.last_segment()) break;
    if (key == nullptr) {
      report_.damage.push_back("missing WAL: " +
                               pg::segment_name(segment, backup.wal_segment_bytes));
      continue;
    }
    const auto checked = check_segment(*key);
    if (!checked) TRY_VOID(note(checked.error(), *key));
    ++count;
  }
  report_.checked.push_back(fmt::format("{} WAL segments", count));
  return {};
}

}  // namespace

Result<VerifyReport> verify(const VerifyRequest& request) {
  Verification work(request);
  return work.run();
}

}  // namespace pgkeel::archive
