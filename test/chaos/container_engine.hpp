// A real container engine of the test's own (tools/container-engine: Podman with Docker's API on a
// socket), its images, containers and volumes under one temporary directory, gone when the object
// is.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "chaos/chaos.hpp"
#include "runtime/http.hpp"
#include "runtime/process.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {

struct ContainerSpec {
  std::string name = "pg";
  std::string volume = "pgdata";
  std::string restart = "no";
  int memory_mb = 0;    ///< 0: no limit
  int port_offset = 0;  ///< added to the engine's port, for a second one
};

class ContainerEngine {
 public:
  /// Needs root, podman and crun.
  static bool possible();

  /// `disk`: an existing directory for what an engine has below /var/lib/docker, which outlives it;
  /// none: beside the rest.
  explicit ContainerEngine(const std::filesystem::path& disk = {});
  ~ContainerEngine();
  ContainerEngine(const ContainerEngine&) = delete;
  ContainerEngine& operator=(const ContainerEngine&) = delete;

  [[nodiscard]] std::filesystem::path socket() const { return state_ / "s"; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// A guard for the container of that name.
  [[nodiscard]] app::GuardEnvironment environment(const std::string& container = "pg") const;

  void start_service();
  void end_service();

  /// Makes and starts a PostgreSQL container. The test fails when the engine refuses.
  void run(const ContainerSpec& spec);
  void start(const std::string& name) { expect_done("POST", "/containers/" + name + "/start"); }
  void stop(const std::string& name) { expect_done("POST", "/containers/" + name + "/stop?t=10"); }
  void pause(const std::string& name) { expect_done("POST", "/containers/" + name + "/pause"); }
  void unpause(const std::string& name) { expect_done("POST", "/containers/" + name + "/unpause"); }
  void rename(const std::string& name, const std::string& to) {
    expect_done("POST", "/containers/" + name + "/rename?name=" + to);
  }
  /// SIGKILL to its first process.
  void kill(const std::string& name) { expect_done("POST", "/containers/" + name + "/kill"); }
  void remove(const std::string& name) { expect_done("DELETE", "/containers/" + name); }
  /// Where a volume's files are on this host.
  [[nodiscard]] std::filesystem::path volume(const std::string& name) const {
    return state_ / "root/volumes" / name / "_data";
  }
  /// Where the engine keeps what the container writes to its output.
  [[nodiscard]] std::filesystem::path log_file(const std::string& name);
  /// The engine's answer to `docker volume rm`.
  int remove_volume(const std::string& name);
  /// How often a server began in the container, by its own log.
  [[nodiscard]] std::size_t server_starts(const std::string& name);
  [[nodiscard]] bool exists(const std::string& name);
  enum class Which { All, Running };
  /// The containers there are but anchors, sorted.
  [[nodiscard]] std::vector<std::string> names(Which which = Which::All);

 private:
  runtime::HttpResponse call(const std::string& method, const std::string& target,
                             const std::string& body = "");
  void expect_done(const std::string& method, const std::string& target,
                   const std::string& body = "");
  void remove_everything();

  test::TempDir dir_;
  std::filesystem::path state_;
  std::uint16_t port_ = 0;
  runtime::Loop loop_;
  std::optional<runtime::ProcessHandle> service_;
};

}  // namespace pgkeel::chaos
