// What an open Store holds, private to the room: the state database, the probe ring beside it, the
// probes not yet written, and the lock. All calls of Ledger and Journal go through hold(), which
// serialises them: they may come from the loop and from the blocking-work pool.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "base/fault_point.hpp"
#include "incident/journal.hpp"
#include "incident/reserve.hpp"
#include "incident/statement.hpp"
#include "incident/store.hpp"
#include "runtime/files.hpp"

namespace pgkeel::incident {

struct Store::Connection {
  std::optional<runtime::FileLock> lock;  ///< none when read only; released last
  std::filesystem::path state_dir;        ///< empty when read only
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

  /// Runs `work(database)` as one transaction, on disk when it returns without an error; undone
  /// when `work` fails. On a full disk the reserve is given up and `work` runs once more.
  /// `name` names the fault points before and after the commit.
  template <class Work>
  auto write(std::string_view name, Work work) {
    const std::lock_guard held(mutex);
    auto written = write_once(name, work);
    const bool full = !written && written.error().code == ErrorCode::DiskFull;
    if (full && lock && release_reserve(state_dir)) written = write_once(name, work);
    return written;
  }

 private:
  template <class Work>
  auto write_once(std::string_view name, Work& work) -> decltype(work(*state)) {
    TRY(transaction, Transaction::begin(*state));
    auto written = work(*state);
    if (!written) return written;
    fault_point(std::string(name) + ":uncommitted");
    TRY_VOID(transaction.commit());
    fault_point(std::string(name) + ":committed");
    return written;
  }
};

[[nodiscard]] std::unexpected<Error> no_incident(std::string_view id);

/// Writes the probes kept in memory to the ring. The caller holds the connection.
Result<void> flush_probes(Store::Connection& connection);

}  // namespace pgkeel::incident
