// What bench gateway measures with: a server, the gateway and PgBouncer before it, and pgbench.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/support/cells.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::bench {

/// Where a load goes, and whose CPU is counted.
struct Target {
  std::string name;
  std::uint16_t port = 0;
  pid_t pid = 0;  ///< 0: nobody's
};

struct Load {
  double throughput = 0;  ///< queries a second
  double cpu_us = 0;      ///< of the pooler, a query
  double p99_us = 0;
};

class Poolers {
 public:
  /// Throws std::runtime_error when something does not start.
  Poolers();
  ~Poolers();

  [[nodiscard]] const Target& ours() const { return ours_; }
  /// PgBouncer in transaction pooling, and in session pooling.
  [[nodiscard]] const Target& transaction_peer() const { return transaction_; }
  [[nodiscard]] const Target& session_peer() const { return session_; }
  [[nodiscard]] const Target& direct() const { return direct_; }

  /// pgbench -S for two seconds.
  [[nodiscard]] Load run(const Target& target, const std::string& mode, int clients) const;
  [[nodiscard]] static std::string conninfo(const Target& target);

 private:
  Target start_gateway();
  Target start_pgbouncer(const std::string& pool, int size);

  std::unique_ptr<test::PostgresServer> server_;
  Target ours_, transaction_, session_, direct_;
};

/// What an idle client takes of memory, and a login of time.
void measure_clients(const Poolers& poolers, std::vector<Cell>& cells);

}  // namespace pgkeel::bench
