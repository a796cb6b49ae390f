// The command line and environment a server is started with. Pure, but for with_earlier_options.
// It guarantees: the guard's own secrets and settings do not leak into the server's environment,
// and a server that ran with options of its own (postmaster.opts) runs with them again.
#pragma once

#include <sys/types.h>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgkeel::instance {

struct ServerCommand {
  std::filesystem::path bin_dir;
  std::filesystem::path data_dir;
  std::filesystem::path config_file;  ///< empty: postgresql.conf in the data directory
  std::vector<std::string> options;   ///< of an earlier run, from postmaster.opts
  std::vector<std::pair<std::string, std::string>> settings;  ///< given as -c name=value, last
};

/// {"/usr/lib/postgresql/15/bin/postgres", "-D", ..., "-c", "config_file=..."}.
[[nodiscard]] std::vector<std::string> command_line(const ServerCommand& command);

/// The options of postmaster.opts without the program and the data directory, which the caller
/// knows better. Empty when the text is not what CreateOptsFile (postmaster.c) writes.
[[nodiscard]] std::vector<std::string> parse_postmaster_opts(std::string_view text);

/// Whether the options of the server's earlier run are used again, as `pg_ctl restart` does.
enum class EarlierOptions { Ignore, Keep };

/// `command` with the options of postmaster.opts as it stands now, if they are to be kept. They are
/// ignored when they name a configuration file that does not exist: a directory that came from
/// elsewhere brings options that mean nothing here.
[[nodiscard]] ServerCommand with_earlier_options(ServerCommand command, EarlierOptions earlier);

/// The value of config_file in such options, if there.
[[nodiscard]] std::optional<std::filesystem::path> config_file_in(
    std::span<const std::string> options);

struct EnvironmentChange {
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::string> remove;
};

/// What to change in `ambient` ("NAME=value" entries) for a server: everything of libpq, of pgkeel,
/// of the service manager and every URL or password is removed; PG_GRANDPARENT_PID is set when a
/// verified stale pid must be ignored; the out-of-memory killer is told to prefer backends to the
/// postmaster.
[[nodiscard]] EnvironmentChange server_environment(std::span<const char* const> ambient,
                                                   std::optional<pid_t> stale_pid);

/// The entries of this process's environment.
[[nodiscard]] std::span<const char* const> ambient_environment();

}  // namespace pgkeel::instance
