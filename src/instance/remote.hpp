// A server somewhere else: no process, no files, only SQL. Everything that would need them says so
// (NotSupported, or facts that were never looked at), and nothing is attempted. Kept apart from the
// kinds on this host so that those can go on assuming a directory.
#pragma once

#include "instance/config.hpp"
#include "instance/instance.hpp"

namespace pgkeel::instance {

class RemoteInstance final : public Instance {
 public:
  /// `server` is how it is called, "db.example:5432"; without secrets.
  RemoteInstance(std::string server, std::uint16_t port)
      : server_(std::move(server)), port_(port) {}

  [[nodiscard]] Kind kind() const override { return Kind::Remote; }
  [[nodiscard]] Capabilities capabilities() const override { return {}; }
  [[nodiscard]] const std::filesystem::path& data_dir() const override { return none_; }
  [[nodiscard]] std::string describe() const override { return "remote server " + server_; }

  [[nodiscard]] DataDirFacts inspect_data_dir() const override;
  [[nodiscard]] LockFacts inspect_lock() const override;
  [[nodiscard]] std::optional<Postmaster> find_postmaster() const override { return std::nullopt; }
  [[nodiscard]] std::vector<std::filesystem::path> config_files() const override { return {}; }
  runtime::Task<Result<void>> check_config() override;
  [[nodiscard]] std::filesystem::path server_log() const override { return none_; }
  [[nodiscard]] std::uint16_t port() const override { return port_; }

  runtime::Task<Result<void>> preflight() override;
  [[nodiscard]] Result<runtime::FileLock> lock_data_dir(std::string_view note) const override;
  runtime::Task<Result<StartReport>> start(StartOptions options, SteadyTime deadline) override;
  runtime::Task<Result<void>> stop(StopMode mode, SteadyTime deadline) override;
  runtime::Task<Result<void>> await_orphans_gone(SteadyTime patience, SteadyTime deadline) override;
  Result<void> resume_stopped() override;

 private:
  [[nodiscard]] std::unexpected<Error> out_of_reach(std::string_view what) const;

  std::string server_;
  std::uint16_t port_;
  std::filesystem::path none_;
};

/// BadConninfo when the url cannot be read.
[[nodiscard]] Result<std::unique_ptr<Instance>> make_remote(const InstanceConfig& config);

}  // namespace pgkeel::instance
