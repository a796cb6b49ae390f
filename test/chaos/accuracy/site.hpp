// A small real server, a guard that watches it, and a writer: where one fault is injected, or two.
// The guard only advises, where the diagnosis is measured, or acts and keeps an archive, where the
// repair is. One stands for one trial; everything of it is under temporary directories and gone
// with it. Failures throw std::runtime_error: the trial did not run.
#pragma once

#include <any>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"
#include "app/demo/writer.hpp"
#include "chaos/accuracy/session.hpp"
#include "chaos/volume.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::chaos {

/// The cluster every trial copies, with the tables that will be broken; made once in a run.
class ModelCluster {
 public:
  ModelCluster();
  [[nodiscard]] const std::filesystem::path& data_dir() const { return server_.data_dir(); }

 private:
  test::PostgresServer server_;
};

enum class GuardMode {
  Advise,
  Act,  ///< with an archive every commit waits for, and a complete backup in it
};

/// What the faults of a trial ask for before anything stands.
class Ground {
 public:
  Ground(const ModelCluster& model, GuardMode mode);

  void set(const std::string& name, const std::string& value);
  /// The data directory on a disk of its own.
  void put_data_on_volume(const std::string& size);
  /// Another disk, for a tablespace.
  void add_disk(const std::string& size);

  [[nodiscard]] GuardMode mode() const { return mode_; }
  [[nodiscard]] const test::PostgresOptions& options() const { return options_; }
  [[nodiscard]] Volume* data_volume() const { return data_.get(); }
  [[nodiscard]] Volume* disk() const { return disk_.get(); }

 private:
  [[nodiscard]] std::unique_ptr<Volume> make_volume(std::string_view name, const std::string& size);

  GuardMode mode_;
  test::TempDir dir_;
  test::PostgresOptions options_;
  std::unique_ptr<Volume> data_;
  std::unique_ptr<Volume> disk_;
};

/// A cause the guard or doctor names, and what of.
struct Named {
  std::string cause;
  std::string subject;
};

class Site {
 public:
  explicit Site(std::unique_ptr<Ground> ground);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  /// Before anything is prepared: a guard that acts has its backup and is told to pause.
  void protect();
  /// The guard runs, knows every table and has nothing to say, and the writer writes.
  void stand();
  void start_guard();
  /// SIGKILL to the main process that stood when the guard was started, and waits until it is gone;
  /// whatever its lock file says by now.
  void kill_postmaster();
  /// SIGKILL, and waits until it is gone.
  void kill_guard();
  /// SIGSTOP and SIGCONT: what happens between the two it sees at once.
  void hold_guard();
  void let_guard_go();
  void end_writer() { writer_.reset(); }

  [[nodiscard]] test::PostgresServer& server() { return server_; }
  [[nodiscard]] const test::PostgresServer& server() const { return server_; }
  [[nodiscard]] const Ground& ground() const { return *ground_; }
  [[nodiscard]] const app::Config& config() const { return config_; }
  [[nodiscard]] std::filesystem::path dir() const { return server_.temp_dir(); }
  [[nodiscard]] Session session(std::string_view database = "shop") const {
    return Session(server_.conninfo(database));
  }
  /// Until the server and whatever it holds end, or somebody makes an end of it.
  void keep(std::any held) { held_.push_back(std::move(held)); }
  void end_held() { held_.clear(); }

  /// The guard's unfinished incidents, the most telling cause first.
  [[nodiscard]] std::vector<Named> incidents();
  /// The findings of `pgkeel doctor`, in its order.
  [[nodiscard]] std::vector<Named> ask_doctor();
  /// What `pgkeel` with these words prints; throws its words when its exit code is not 0.
  std::string run_pgkeel(const std::vector<std::string>& words);
  [[nodiscard]] const app::Writer& writer() const { return *writer_; }
  [[nodiscard]] app::Writer::Tally tally() const;
  /// The end of the guard's log, for a trial that did not run.
  [[nodiscard]] std::string guard_words() const;

 private:
  void write_config();
  [[nodiscard]] bool has_backup() const;
  [[nodiscard]] bool is_proven() const;
  [[nodiscard]] bool commits_wait();
  void await_knowing();
  [[nodiscard]] bool knows_everything() const;
  void end_guard() noexcept;
  [[nodiscard]] bool acts() const { return ground_->mode() == GuardMode::Act; }
  Result<runtime::ProcessOutput> ask_pgkeel(const std::vector<std::string>& words);

  std::unique_ptr<Ground> ground_;
  test::PostgresServer server_;
  app::Config config_;
  runtime::Loop loop_;
  std::optional<runtime::ProcessHandle> guard_;
  std::optional<runtime::ProcessHandle> postmaster_;
  std::unique_ptr<app::Writer> writer_;
  std::vector<std::any> held_;
};

}  // namespace pgkeel::chaos
