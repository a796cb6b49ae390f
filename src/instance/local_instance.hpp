// A server on this host, as process and files: what embedded and managed have in common. They
// differ only in where things are (Layout) and in how a server is brought up (launcher.hpp).
#pragma once

#include <optional>
#include <string>

#include "instance/config.hpp"
#include "instance/debian.hpp"
#include "instance/instance.hpp"
#include "instance/launcher.hpp"
#include "instance/server_command.hpp"

namespace pgkeel::instance {

struct Layout {
  Kind kind = Kind::Managed;
  /// How it is run by hand; bin_dir may be empty until the data directory shows its version.
  ServerCommand command;
  EarlierOptions earlier = EarlierOptions::Ignore;
  std::optional<DebianCluster> debian;  ///< started by the distribution's means
  std::string unit;                     ///< where the server lives when we did not start it
  std::filesystem::path log_file;
  std::uint16_t port = 0;            ///< 0: as configured in the files
  std::filesystem::path socket_dir;  ///< empty: as configured in the files
};

/// port, socket directory and further settings of the configuration, as -c options.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> server_settings(
    const InstanceConfig& config);

class LocalInstance final : public Instance {
 public:
  LocalInstance(runtime::Loop& loop, Layout layout) : loop_(&loop), layout_(std::move(layout)) {}

  [[nodiscard]] Kind kind() const override { return layout_.kind; }
  [[nodiscard]] Capabilities capabilities() const override;
  [[nodiscard]] const std::filesystem::path& data_dir() const override {
    return layout_.command.data_dir;
  }
  [[nodiscard]] std::string describe() const override;

  runtime::Task<Result<Restarter>> restarter() override;
  runtime::Task<Result<void>> set_restarter(Restarter wanted) override;
  [[nodiscard]] DataDirFacts inspect_data_dir() const override;
  [[nodiscard]] LockFacts inspect_lock() const override;
  [[nodiscard]] std::optional<Postmaster> find_postmaster() const override;
  [[nodiscard]] std::vector<std::filesystem::path> config_files() const override;
  runtime::Task<Result<void>> check_config() override;
  runtime::Task<Result<int>> programs_major() override;
  [[nodiscard]] std::filesystem::path server_log() const override { return layout_.log_file; }
  [[nodiscard]] std::uint16_t port() const override;

  runtime::Task<Result<void>> preflight() override;
  [[nodiscard]] Result<runtime::FileLock> lock_data_dir(std::string_view note) const override;
  runtime::Task<Result<StartReport>> start(StartOptions options, SteadyTime deadline) override;
  runtime::Task<Result<void>> stop(StopMode mode, SteadyTime deadline) override;
  runtime::Task<Result<void>> await_orphans_gone(SteadyTime patience, SteadyTime deadline) override;
  Result<void> resume_stopped() override;

 private:
  // The programs' version, remembered while the file is the same one.
  struct KnownProgram {
    std::filesystem::path bin_dir;
    runtime::InodeId inode;
    int major = 0;
  };

  [[nodiscard]] Result<ServerCommand> complete_command() const;
  [[nodiscard]] std::filesystem::path config_file() const;
  [[nodiscard]] std::uint16_t configured_port() const;
  [[nodiscard]] Result<void> clear_socket_locks(std::optional<pid_t> stale_pid) const;
  [[nodiscard]] Result<std::optional<pid_t>> clear_the_way(std::optional<pid_t> verified) const;
  [[nodiscard]] Result<void> check_identity_now(SystemId expected) const;
  [[nodiscard]] Result<std::unique_ptr<Launcher>> make_launcher() const;
  runtime::Task<Result<int>> server_major(std::filesystem::path bin_dir);

  runtime::Loop* loop_;
  Layout layout_;
  std::optional<KnownProgram> known_program_;
};

}  // namespace pgkeel::instance
