// The parts of bench undrop.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "bench/support/cells.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::bench {

/// A server with 2.3 GB: pgbench's tables and one each of 1 MB, 100 MB and 1 GB.
class LoadedServer {
 public:
  LoadedServer();
  [[nodiscard]] test::PostgresServer& server() { return server_; }
  [[nodiscard]] std::filesystem::path dir() const { return server_.temp_dir(); }
  [[nodiscard]] std::string count(const std::string& table);

 private:
  test::PostgresServer server_;
};

/// `pgbench -c 4` until it goes out of scope.
class Writers {
 public:
  explicit Writers(LoadedServer& on);
  ~Writers();
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;
  /// Seconds of pgbench's own report.
  [[nodiscard]] double elapsed() const;
  /// Transactions a second between the two.
  [[nodiscard]] double throughput(double from, double to) const;

 private:
  std::filesystem::path report_;
  pid_t pgbench_;
};

/// SIGTERM, and waits.
void end_child(pid_t child);

/// Milliseconds from the DROP's commit to the rows back, by hand; none: it is not installed.
[[nodiscard]] std::optional<Peer> undrop_with_pgbackrest(const std::string& table);

}  // namespace pgkeel::bench
