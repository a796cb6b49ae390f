// A server in a container of this host's engine (Docker or Podman): its processes are seen through
// /proc and its files through the mount that holds them, as of any server here; only starting and
// stopping go through the engine, so that engine and guard agree on what is meant.
// It guarantees: a container whose restart policy brings it back is left to the engine first; every
// start compares the identity before, and nothing here creates, removes or re-creates the
// container. The processes live in a PID namespace of their own: postmaster.pid holds their inner
// pids.
#pragma once

#include <optional>
#include <string>

#include "instance/engine.hpp"
#include "instance/instance.hpp"
#include "instance/other_containers.hpp"

namespace pgkeel::instance {

struct ContainerPlan {
  std::string container;             ///< name or id, or the name of a Swarm service
  std::filesystem::path socket;      ///< of the engine
  std::filesystem::path data_dir;    ///< on this host; empty: found through the mounts
  Millis patience = kEngineCallMax;  ///< with the engine, when it is asked something
};

class ContainerInstance final : public Instance {
 public:
  ContainerInstance(runtime::Loop& loop, ContainerPlan plan);

  [[nodiscard]] Kind kind() const override { return Kind::Container; }
  [[nodiscard]] Capabilities capabilities() const override;
  [[nodiscard]] const std::filesystem::path& data_dir() const override { return data_dir_; }
  [[nodiscard]] std::string describe() const override;

  runtime::Task<Result<void>> locate() override;
  void assume_data_dir(std::filesystem::path data_dir) override;
  runtime::Task<std::optional<HostingFacts>> inspect_hosting() override;
  [[nodiscard]] std::optional<pg::Conninfo> client_path() const override;
  runtime::Task<Result<std::vector<std::filesystem::path>>> other_places() override;
  runtime::Task<Result<std::string>> keep_anchor() override;
  runtime::Task<Result<void>> remove_anchor() override;
  runtime::Task<Result<void>> raise_memory_limit(std::int64_t bytes) override;
  runtime::Task<Result<std::optional<SecondServer>>> second_server() override;
  runtime::Task<Result<Restarter>> second_restarter(SecondServer second) override;
  runtime::Task<Result<void>> hold_second(SecondServer second) override;
  runtime::Task<Result<void>> kill_second(SecondServer second) override;
  runtime::Task<Result<Restarter>> restarter() override;
  runtime::Task<Result<void>> set_restarter(Restarter wanted) override;
  runtime::Task<Result<EventStream>> events(std::optional<WallTime> since) override;
  runtime::Task<std::optional<std::string>> recent_log() override;

  [[nodiscard]] DataDirFacts inspect_data_dir() const override;
  [[nodiscard]] LockFacts inspect_lock() const override;
  [[nodiscard]] std::optional<Postmaster> find_postmaster() const override;
  [[nodiscard]] std::vector<std::filesystem::path> config_files() const override;
  runtime::Task<Result<void>> check_config() override;
  runtime::Task<Result<int>> programs_major() override;
  [[nodiscard]] std::filesystem::path server_log() const override { return {}; }
  [[nodiscard]] std::uint16_t port() const override;

  runtime::Task<Result<void>> preflight() override;
  [[nodiscard]] Result<runtime::FileLock> lock_data_dir(std::string_view note) const override;
  runtime::Task<Result<StartReport>> start(StartOptions options, SteadyTime deadline) override;
  runtime::Task<Result<void>> stop(StopMode mode, SteadyTime deadline) override;
  runtime::Task<Result<void>> await_orphans_gone(SteadyTime patience, SteadyTime deadline) override;
  Result<void> resume_stopped() override;

 private:
  runtime::Task<Result<ContainerFacts>> inspect_container();
  /// What the engine knows it by now: a service's containers come and go.
  [[nodiscard]] const std::string& known_as() const;
  [[nodiscard]] Result<void> check_start(SystemId expected) const;
  runtime::Task<Result<void>> await_engine(ContainerFacts facts);
  runtime::Task<Result<void>> start_container();
  runtime::Task<Result<std::optional<runtime::ProcessHandle>>> await_postmaster(
      SteadyTime deadline);
  [[nodiscard]] std::optional<runtime::ProcessHandle> open_postmaster() const;
  runtime::Task<Result<StartReport>> failed_start();

  runtime::Loop* loop_;
  Engine engine_;
  ContainerPlan plan_;
  std::filesystem::path data_dir_;
  std::optional<ContainerFacts> facts_;  ///< as last inspected
  OtherContainers others_;
  bool engine_answers_ = false;
  mutable std::optional<Postmaster> last_postmaster_;
};

/// Other containers that run with the same data directory mounted for writing.
[[nodiscard]] std::vector<ContainerEntry> over_same_data(const ContainerFacts& container,
                                                         const std::vector<ContainerEntry>& all);

/// See Instance::set_restarter, for any container or service of the engine.
runtime::Task<Result<void>> restart_as(const Engine* engine, Restarter wanted);

}  // namespace pgkeel::instance
