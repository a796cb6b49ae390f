// Clusters as Debian and Ubuntu keep them: configuration in /etc/postgresql/VERSION/NAME, data
// elsewhere, started by pg_ctlcluster or by the unit postgresql@VERSION-NAME.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace pgkeel::instance {

inline constexpr std::string_view kDebianConfigRoot = "/etc/postgresql";

struct DebianCluster {
  std::string version;               ///< "15"
  std::string name;                  ///< "main"
  std::filesystem::path config_dir;  ///< /etc/postgresql/15/main
  std::filesystem::path data_dir;
  std::filesystem::path log_file;
  [[nodiscard]] std::filesystem::path config_file() const { return config_dir / "postgresql.conf"; }
  [[nodiscard]] std::string unit() const { return "postgresql@" + version + "-" + name; }
};

struct DebianUnit {
  std::string version;
  std::string name;
  friend bool operator==(const DebianUnit&, const DebianUnit&) = default;
};
/// {"15", "main"} from "postgresql@15-main" or "postgresql@15-main.service"; nothing for any other
/// unit. A cluster's name may hold dashes.
[[nodiscard]] std::optional<DebianUnit> parse_debian_unit(std::string_view unit);

/// The cluster of this unit if it is configured under `config_root`.
[[nodiscard]] std::optional<DebianCluster> find_debian_cluster(
    const DebianUnit& unit, const std::filesystem::path& config_root = kDebianConfigRoot);

/// The cluster whose data_directory is `data_dir` (compared by inode, else by path).
[[nodiscard]] std::optional<DebianCluster> find_debian_cluster_of(
    const std::filesystem::path& data_dir,
    const std::filesystem::path& config_root = kDebianConfigRoot);

}  // namespace pgkeel::instance
