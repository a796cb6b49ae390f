// Reads a backup and its WAL again, every byte: digests of the objects, checksums of the files
// against the server's manifest, WAL without a gap and with the bytes its name promises.
#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "archive/catalog/backup.hpp"
#include "archive/catalog/wal_index.hpp"

namespace pgkeel::archive {

struct VerifyReport {
  std::vector<std::string> damage;   ///< what is wrong and where; empty: nothing
  std::vector<std::string> checked;  ///< "1,204 files in 3 shards", "17 WAL segments"
  [[nodiscard]] bool holds() const { return damage.empty(); }
};

struct VerifyRequest {
  Store* store = nullptr;
  const KeyRing* keys = nullptr;
  const Backup* backup = nullptr;
  const WalIndex* wal = nullptr;
  std::atomic<std::uint64_t>* bytes = nullptr;  ///< read so far
  std::stop_token stop = {};
};

/// Goes on after damage, to find all of it. An error is what kept it from looking: a store that
/// does not answer, a key that is missing, Cancelled.
[[nodiscard]] Result<VerifyReport> verify(const VerifyRequest& request);

}  // namespace pgkeel::archive
