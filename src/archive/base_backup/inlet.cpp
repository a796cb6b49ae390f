// See inlet.hpp.
#include "archive/base_backup/inlet.hpp"

#include "archive/catalog/layout.hpp"
#include "archive/codec/threaded_sink.hpp"

namespace pgkeel::archive {
namespace {

constexpr Millis kReportEvery{500};

}  // namespace

void BackupInlet::copy_begins(std::uint64_t bytes_total) {
  bytes_total_ = bytes_total;
  began_at_ = SteadyClock::now();
  report(BackupProgress::Phase::Copy);
}

Result<void> BackupInlet::archive_begins(const std::string& part) {
  TRY_VOID(end_present());
  auto& sharded = parts_.emplace_back();
  sharded.store = request_.store;
  sharded.encoding = request_.encoding;
  sharded.encoding.plain_digest = PlainDigest::Skip;
  sharded.label = request_.label;
  sharded.part = part;
  sharded.shard_bytes = request_.shard_bytes;
  present_ = make_shard_sink(sharded);
  if (request_.encoding.threads > 0) present_ = make_threaded_sink(std::move(present_));
  return {};
}

Result<void> BackupInlet::manifest_begins() {
  TRY_VOID(end_present());
  auto encoding = request_.encoding;
  encoding.threads = 0;  // a few megabytes at most
  TRY(writer, EncodedWriter::create(*request_.store, manifest_key(request_.label), encoding,
                                    Replace::Never));
  manifest_writer_ = std::move(writer);
  return {};
}

Result<void> BackupInlet::content(ByteSpan bytes) {
  if (manifest_writer_) return manifest_writer_->write(bytes);
  bytes_done_ += bytes.size();
  if (SteadyClock::now() - reported_at_ >= kReportEvery) report(BackupProgress::Phase::Copy);
  return present_->write(bytes);
}

Result<void> BackupInlet::copy_ends() {
  TRY_VOID(end_present());
  report(BackupProgress::Phase::Finish);
  return {};
}

Result<void> BackupInlet::end_present() {
  if (present_) TRY_VOID(present_->finish());
  present_.reset();
  if (!manifest_writer_) return {};
  TRY(object, manifest_writer_->finish());
  manifest_ = std::move(object);
  manifest_writer_.reset();
  return {};
}

void BackupInlet::record(Backup& backup) const {
  for (const auto& part : parts_) {
    backup.plain_bytes += part.file_bytes;
    for (const auto& shard : part.shards) {
      backup.shards.push_back(shard);
      backup.stored_bytes += shard.object.stored_bytes;
    }
  }
  backup.manifest = manifest_;
  backup.stored_bytes += manifest_.stored_bytes;
}

void BackupInlet::report(BackupProgress::Phase phase) {
  reported_at_ = SteadyClock::now();
  if (!request_.progress) return;
  BackupProgress progress{phase, bytes_done_, std::max(bytes_total_, bytes_done_), 0, {}};
  const auto elapsed = std::chrono::floor<Millis>(reported_at_ - began_at_);
  if (phase != BackupProgress::Phase::Checkpoint && elapsed >= kReportEvery) {
    progress.bytes_per_s = bytes_done_ * 1000 / static_cast<std::uint64_t>(elapsed.count());
    const auto left = progress.bytes_total - progress.bytes_done;
    if (progress.bytes_per_s != 0)
      progress.left = Millis(static_cast<std::int64_t>(left * 1000 / progress.bytes_per_s));
  }
  request_.progress(progress);
}

}  // namespace pgkeel::archive
