// See copy.hpp.
#include "archive/offsite/copy.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "archive/catalog/backup.hpp"
#include "archive/catalog/dump.hpp"
#include "archive/catalog/layout.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/codec/crypto.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::size_t kBufferBytes = 1U << 20U;

// Written by each store's own writer, or anew whenever a backup is made.
bool stays_behind(const std::string& key) {
  return key == kLeaseKey || key == kMarkerKey || key == kLatestKey;
}

// May be written again under the same name; everything else never changes.
bool may_change(const std::string& key) { return key.ends_with("/pin.json"); }

// Records after what they name.
int order_of(const std::string& key) {
  return key.ends_with("/backup.json") || key.ends_with("/dump.json") ? 1 : 0;
}

class Copy {
 public:
  explicit Copy(const CopyRequest& request) : request_(&request) {}

  Result<CopyProgress> run() {
    TRY_VOID(claim());
    TRY_VOID(plan());
    for (const auto& object : missing_) {
      if (request_->stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
      auto copied = copy(object);
      if (!copied) return fail(std::move(copied).error().with_context("copy " + object.key));
      ++progress_.objects;
      if (request_->tell) request_->tell(progress_);
    }
    TRY_VOID(copy_latest());
    return progress_;
  }

 private:
  Result<void> claim();
  Result<void> plan();
  Result<void> copy(const ObjectInfo& object);
  Result<void> copy_latest();

  const CopyRequest* request_;
  CopyProgress progress_;
  std::vector<ObjectInfo> missing_;
  std::map<std::string, std::string> digests_;  // of the stored bytes, by key
};

Result<void> Copy::claim() {
  TRY(ours, read_marker(*request_->from));
  if (!ours) return fail(ErrorCode::NotFound, request_->from->describe() + " holds no archive");
  TRY_VOID(claim_archive(*request_->to, *ours));
  TRY(backups, list_backups(*request_->from));
  for (const auto& backup : backups) {
    digests_[backup.manifest.key] = backup.manifest.sha256;
    for (const auto& shard : backup.shards) digests_[shard.object.key] = shard.object.sha256;
  }
  TRY(dumps, list_dumps(*request_->from));
  for (const auto& dump : dumps) {
    digests_[dump.globals.key] = dump.globals.sha256;
    for (const auto& database : dump.databases)
      digests_[database.object.key] = database.object.sha256;
  }
  return {};
}

Result<void> Copy::plan() {
  TRY(here, request_->from->list(""));
  TRY(there, request_->to->list(""));
  std::map<std::string, std::uint64_t> sizes;
  for (const auto& object : there) sizes[object.key] = object.size_bytes;
  for (const auto& object : here) {
    if (stays_behind(object.key)) continue;
    const auto found = sizes.find(object.key);
    if (found != sizes.end() && (found->second == object.size_bytes || may_change(object.key)))
      continue;
    if (found != sizes.end())
      return fail(ErrorCode::Refused,
                  fmt::format("{} has another {} than {}", request_->to->describe(), object.key,
                              request_->from->describe()));
    missing_.push_back(object);
    progress_.bytes_total += object.size_bytes;
  }
  progress_.objects_total = missing_.size();
  std::ranges::sort(missing_, {}, [](const ObjectInfo& info) {
    return std::pair(order_of(info.key), std::string_view(info.key));
  });
  return {};
}

Result<void> Copy::copy(const ObjectInfo& object) {
  TRY(reader, request_->from->open(object.key));
  TRY(writer, request_->to->create(object.key, Replace::Never));
  Sha256 digest;
  std::vector<std::byte> buffer(kBufferBytes);
  while (true) {
    if (request_->stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    TRY(got, reader->read(buffer));
    if (got == 0) break;
    const ByteSpan part = std::span(buffer).first(got);
    digest.update(part);
    TRY_VOID(writer->write(part));
    progress_.bytes += got;
    if (request_->tell) request_->tell(progress_);
  }
  const auto expected = digests_.find(object.key);
  if (expected != digests_.end() && expected->second != digest.hex())
    return fail(ErrorCode::Malformed, "it is damaged: its digest is not the recorded one");
  return writer->commit();
}

Result<void> Copy::copy_latest() {
  const auto latest = read_object(*request_->from, kLatestKey, kBufferBytes);
  if (!latest && latest.error().code == ErrorCode::NotFound) return {};
  if (!latest) return fail(latest.error());
  return write_object(*request_->to, kLatestKey, *latest, Replace::Always);
}

}  // namespace

Result<CopyProgress> copy_store(const CopyRequest& request) {
  Copy work(request);
  return work.run();
}

}  // namespace pgkeel::archive
