// The SQLite file in the state directory (0700) that holds ledger and journal: WAL mode,
// synchronous=FULL, schema version checked and migrated forward, integrity checked on opening.
// A damaged file is renamed aside, never deleted, and the guard says so. One guard owns it: open()
// takes the lock, a second guard is told who holds it (StateLocked, exit 3).
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace pgkeel::incident {

class Store {
 public:
  /// Makes the directory (0700) when it is missing. StateLocked when another guard has it, DiskFull
  /// and Permission as they come; nothing half-made is left behind.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& state_dir);
  /// For commands while no guard runs: no lock, no writes.
  static Result<std::unique_ptr<Store>> open_read_only(const std::filesystem::path& state_dir);
  ~Store();

  /// Set when open() had to put a damaged file aside; for the log and an alert.
  [[nodiscard]] const std::string& set_aside_note() const;

  struct Connection;  // SQLite handle, private to the room (store_connection.hpp)
  [[nodiscard]] Connection& connection() { return *connection_; }

 private:
  explicit Store(std::unique_ptr<Connection> connection);
  static Result<std::unique_ptr<Store>> open_once(const std::filesystem::path& state_dir);
  std::unique_ptr<Connection> connection_;
};

}  // namespace pgkeel::incident
