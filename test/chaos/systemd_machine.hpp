// A machine of the test's own with systemd as PID 1 (tools/systemd-machine), PostgreSQL as Debian
// packages it, and pgkeel installed as packaging/ installs it: the tested binary as /usr/bin/pgkeel
// and the shipped unit. Everything it writes is in one temporary directory; machine and directory
// are gone when the object is.
#pragma once

#include <sys/types.h>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pg/conninfo.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {

class SystemdMachine {
 public:
  /// Why no machine can be booted here, in the tool's words; empty: one can.
  static std::string impossible();

  /// Boots it. The test fails when systemd does not come up.
  SystemdMachine();
  ~SystemdMachine();
  SystemdMachine(const SystemdMachine&) = delete;
  SystemdMachine& operator=(const SystemdMachine&) = delete;

  /// What a command said (standard output, less the last newline), whatever its exit code.
  std::string run(std::vector<std::string> argv);
  /// Runs a command; the test fails when its exit code is not 0.
  void must(std::vector<std::string> argv);
  void shell(std::string script) { must({"sh", "-c", std::move(script)}); }
  /// Replaces a file.
  void write(const std::filesystem::path& path, std::string_view text);
  /// A file of the machine, as it is seen from out here while it is up.
  [[nodiscard]] std::filesystem::path outside(const std::filesystem::path& path) const;

  /// `systemctl show -P`
  std::string property(const std::string& unit, const std::string& name);
  bool is_active(const std::string& unit) { return property(unit, "ActiveState") == "active"; }
  /// The units that hold a process of a PostgreSQL server, each once.
  std::vector<std::string> server_units();
  /// The postmaster's pid inside; 0 when postmaster.pid names none that runs.
  pid_t postmaster(const std::filesystem::path& data_dir);
  /// The oom_score_adj of a process inside.
  std::string oom_score(pid_t pid);
  /// Whether PID 1 may lower it below 0.
  bool may_lower_oom_score();

  /// systemctl reboot; returns when it has come up again.
  void reboot();

 private:
  runtime::ProcessOutput call(std::vector<std::string> argv);
  void await_up();
  /// The machine's PID 1, as it is called out here; 0: none.
  [[nodiscard]] pid_t init() const;

  test::TempDir dir_;
  std::filesystem::path state_;
  runtime::Loop loop_;
  std::optional<runtime::ProcessHandle> tool_;
};

}  // namespace pgkeel::chaos
