// What the admin console shows of a worker and does to it.
#pragma once

#include <vector>

#include "gateway/admin/console.hpp"

namespace pgkeel::gateway {

class Worker;
class Pool;

/// Databases that are the console, under our name and under the one that scripts know.
[[nodiscard]] bool is_console(std::string_view database);

class Overview final : public admin::ConsoleHost {
 public:
  explicit Overview(Worker& worker) : worker_(worker) {}
  [[nodiscard]] admin::Snapshots show(admin::Topic topic) override;
  [[nodiscard]] Result<std::unique_ptr<Act>> act(const admin::Command& command, Tell tell) override;

 private:
  void add_pools();
  void add_connections();
  void add_stats();
  void add_databases();
  void add_lists();
  void add_prepared_statements();
  void add_state();
  [[nodiscard]] Result<void> end_or_replace(const admin::Command& command);

  Worker& worker_;
  std::vector<admin::PoolSnapshot> pools_;
  std::vector<admin::ConnectionSnapshot> clients_;
  std::vector<admin::ConnectionSnapshot> servers_;
  std::vector<admin::StatsSnapshot> stats_;
  std::vector<admin::DatabaseSnapshot> databases_;
  std::vector<admin::ConfigSnapshot> config_;
  std::vector<admin::ListSnapshot> lists_;
  std::vector<admin::UserSnapshot> users_;
  std::vector<admin::StateSnapshot> state_;
  std::vector<admin::PreparedStatementSnapshot> prepared_statements_;
};

}  // namespace pgkeel::gateway
