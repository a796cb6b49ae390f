// The stage of the archive's benchmark: a PostgreSQL on a real disk with a database of the size
// asked for, a quarter of which does not compress, and pgkeel, pgBackRest and pg_basebackup set up
// side by side over it. Everything is in one directory, gone at the end.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "bench/support/job.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::bench {

struct ArchiveBenchOptions {
  double scale = 1;  ///< 1: a database of some 2.2 GiB
  int rounds = 2;    ///< of everything compared; the best of each side counts
};

class ArchiveStage {
 public:
  /// Loads the database. Throws std::runtime_error.
  explicit ArchiveStage(const ArchiveBenchOptions& options);
  ~ArchiveStage();
  ArchiveStage(const ArchiveStage&) = delete;
  ArchiveStage& operator=(const ArchiveStage&) = delete;

  [[nodiscard]] const ArchiveBenchOptions& options() const { return options_; }
  [[nodiscard]] test::PostgresServer& server() { return server_; }
  [[nodiscard]] std::filesystem::path dir() const { return server_.temp_dir(); }
  [[nodiscard]] std::filesystem::path state_dir() const { return dir() / "state"; }
  [[nodiscard]] std::string program(const std::string& name) const;  ///< of PostgreSQL

  /// A program as the server's account, with nothing left to write before it starts.
  JobCost run(const std::vector<std::string>& argv);
  JobCost run_pgkeel(std::vector<std::string> words);
  JobCost run_pgbackrest(std::vector<std::string> words);
  JobCost run_shell(const std::string& script) { return run({"/bin/sh", "-ec", script}); }
  [[nodiscard]] std::string output() const { return text_of(output_); }  ///< of the last one

  enum class Durability { Async, Sync };
  /// `pgkeel receive`, until end_receiver(); returns when it streams.
  void start_receiver(Durability durability);
  /// `pg_receivewal --synchronous`, the same way.
  void start_pg_receivewal();
  void end_receiver();

 private:
  void configure();
  void load();
  void start_streaming(const std::vector<std::string>& argv, const std::string& name);

  ArchiveBenchOptions options_;
  test::PostgresServer server_;
  std::filesystem::path output_;
  std::filesystem::path program_;  ///< pgkeel, where the server's account may read it
  pid_t receiver_ = 0;
};

}  // namespace pgkeel::bench
