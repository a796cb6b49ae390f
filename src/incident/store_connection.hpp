// What an open Store holds, private to the room: the state database, the probe ring beside it, the
// probes not yet written, and the lock. All calls of Ledger and Journal go through hold(), which
// serialises them: they may come from the loop and from the blocking-work pool.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "incident/journal.hpp"
#include "incident/statement.hpp"
#include "incident/store.hpp"
#include "runtime/files.hpp"

namespace pgkeel::incident {

struct Store::Connection {
  std::optional<runtime::FileLock> lock;  ///< none when read only; released last
  std::unique_ptr<Database> state;
  std::unique_ptr<Database> probes;  ///< none when read only and there is no ring yet
  std::vector<ProbeRecord> unwritten_probes;
  bool last_probe_failed = false;
  std::string set_aside_note;
  std::mutex mutex;

  /// The state database, for one caller at a time.
  struct Held {
    std::unique_lock<std::mutex> lock;
    Database& db;
  };
  [[nodiscard]] Held hold() { return {std::unique_lock(mutex), *state}; }
};

/// Writes the probes kept in memory to the ring. The caller holds the connection.
Result<void> flush_probes(Store::Connection& connection);

}  // namespace pgkeel::incident
