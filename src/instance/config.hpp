// Which instance there is, as configuration says it, and how to get one. Everything left empty is
// found: programs by the major version, configuration by what Debian and the server's last run
// left.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "instance/engine.hpp"
#include "instance/instance.hpp"

namespace pgkeel::instance {

struct InstanceConfig {
  Kind kind = Kind::Embedded;
  std::filesystem::path data_dir;  ///< empty: taken from `unit` where that is a Debian cluster
  std::filesystem::path bin_dir;   ///< empty: by PG_VERSION, see usual_bin_dirs()
  std::string unit;                ///< "postgresql@15-main"; managed only
  std::string url;                 ///< remote only; may hold a password
  std::string container;           ///< name or id; container only
  std::filesystem::path engine_socket;
  Millis engine_patience = kEngineCallMax;  ///< see Engine
  std::filesystem::path config_file;        ///< empty: found
  std::filesystem::path log_file;           ///< empty: Debian's, else "<data_dir>.log"
  std::filesystem::path socket_dir;         ///< not empty: the server is started with it
  std::uint16_t port = 0;                   ///< not 0: the server is started with it
  std::vector<std::pair<std::string, std::string>> settings;  ///< more, given as -c name=value
};

/// ConfigBadValue when no data directory can be told, BadConninfo for a url that cannot be read.
/// Touches nothing; the directory may be missing, and programs are looked for only when needed.
[[nodiscard]] Result<std::unique_ptr<Instance>> make_instance(runtime::Loop& loop,
                                                              const InstanceConfig& config);

}  // namespace pgkeel::instance
