// Where the content of a base backup goes: each archive through a thread of its own into shards,
// the manifest into its object; and the progress that is reported meanwhile.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "archive/base_backup/base_backup.hpp"
#include "archive/base_backup/server_copy.hpp"
#include "archive/base_backup/shard_sink.hpp"

namespace pgkeel::archive {

class BackupInlet final : public CopyReceiver {
 public:
  explicit BackupInlet(const BackupRequest& request) : request_(request) {}

  void copy_begins(std::uint64_t bytes_total) override;
  Result<void> archive_begins(const std::string& part) override;
  Result<void> manifest_begins() override;
  Result<void> content(ByteSpan bytes) override;
  Result<void> copy_ends() override;

  /// Adds shards, manifest and sizes. After copy_ends() only.
  void record(Backup& backup) const;
  /// Reports the phase at once.
  void report(BackupProgress::Phase phase);

 private:
  Result<void> end_present();

  const BackupRequest& request_;
  std::deque<ShardedPart> parts_;  // addresses stay: sinks write into them
  std::unique_ptr<Sink> present_;
  std::unique_ptr<EncodedWriter> manifest_writer_;
  StoredObject manifest_;
  std::uint64_t bytes_done_ = 0;
  std::uint64_t bytes_total_ = 0;
  SteadyTime began_at_;
  SteadyTime reported_at_;
};

}  // namespace pgkeel::archive
