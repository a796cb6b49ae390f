// The configuration as files: which there are, and what they say before a server runs.
// It guarantees: reads by the server's own order (includes in place, postgresql.auto.conf last) and
// bounds everything: depth, number and size of files. Missing files are simply not listed.
// It refuses to judge values: that is the server's (Instance::check_config).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/config_text.hpp"

namespace pgkeel::instance {

inline constexpr int kIncludeDepthMax = 10;                // CONF_FILE_MAX_DEPTH of guc-file.l
inline constexpr std::size_t kConfigFilesMax = 256;        // far above any real conf.d
inline constexpr std::size_t kConfigBytesMax = 1U << 20U;  // the sample file has 30 kB

struct ServerConfig {
  std::vector<pg::ConfigSetting> settings;   ///< in force order: the last of a name wins
  std::vector<std::filesystem::path> files;  ///< read, in order, each once
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const {
    return pg::find_setting(settings, name);
  }
};

/// postgresql.conf at `config_file`, what it includes, then postgresql.auto.conf of `data_dir`.
[[nodiscard]] ServerConfig read_server_config(const std::filesystem::path& config_file,
                                              const std::filesystem::path& data_dir);

/// The same, and the pg_hba.conf and pg_ident.conf it points to, with what those include.
[[nodiscard]] std::vector<std::filesystem::path> list_config_files(
    const std::filesystem::path& config_file, const std::filesystem::path& data_dir);

/// pg_hba.conf or pg_ident.conf as the settings hba_file and ident_file say, or by default in the
/// data directory.
[[nodiscard]] std::filesystem::path hba_file_of(const ServerConfig& config,
                                                const std::filesystem::path& data_dir);
[[nodiscard]] std::filesystem::path ident_file_of(const ServerConfig& config,
                                                  const std::filesystem::path& data_dir);

/// `port`; 5432, the built-in default, when it is not set; 0 when what is set is no port.
[[nodiscard]] std::uint16_t port_of(const ServerConfig& config);
/// `unix_socket_directories`; empty when it is not set (the default depends on the build).
[[nodiscard]] std::vector<std::filesystem::path> socket_dirs_of(const ServerConfig& config);

}  // namespace pgkeel::instance
