// See debian.hpp; the defaults are those of cluster_info in PgCommon.pm.
#include "instance/debian.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include "instance/config_files.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kClustersMax = 1000;  // versions times names; a host has a handful

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<fs::path> directories_in(const fs::path& dir) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) found.push_back(entry->path());
    if (found.size() >= kClustersMax) break;
  }
  std::ranges::sort(found);
  return found;
}

bool same_directory(const fs::path& one, const fs::path& other) {
  std::error_code error;
  if (fs::equivalent(one, other, error) && !error) return true;
  return fs::weakly_canonical(one, error) == fs::weakly_canonical(other, error);
}

fs::path log_file_of(const DebianCluster& cluster) {
  std::error_code error;
  const fs::path link = fs::read_symlink(cluster.config_dir / "log", error);
  if (!error) return link;
  return "/var/log/postgresql/postgresql-" + cluster.version + "-" + cluster.name + ".log";
}

}  // namespace

std::optional<DebianUnit> parse_debian_unit(std::string_view unit) {
  constexpr std::string_view kPrefix = "postgresql@";
  constexpr std::string_view kSuffix = ".service";
  if (!unit.starts_with(kPrefix)) return std::nullopt;
  unit.remove_prefix(kPrefix.size());
  if (unit.ends_with(kSuffix)) unit.remove_suffix(kSuffix.size());
  const auto dash = unit.find('-');
  if (dash == std::string_view::npos || dash + 1 == unit.size()) return std::nullopt;
  if (!is_number(unit.substr(0, dash)) || unit.find('/') != std::string_view::npos)
    return std::nullopt;
  return DebianUnit{std::string(unit.substr(0, dash)), std::string(unit.substr(dash + 1))};
}

std::optional<DebianCluster> find_debian_cluster(const DebianUnit& unit,
                                                 const fs::path& config_root) {
  DebianCluster cluster;
  cluster.version = unit.version;
  cluster.name = unit.name;
  cluster.config_dir = config_root / unit.version / unit.name;
  std::error_code error;
  if (!fs::exists(cluster.config_file(), error)) return std::nullopt;
  const ServerConfig config = read_server_config(cluster.config_file(), {});
  cluster.data_dir = config.get("data_directory")
                         .value_or("/var/lib/postgresql/" + unit.version + "/" + unit.name);
  cluster.log_file = log_file_of(cluster);
  return cluster;
}

std::optional<DebianCluster> find_debian_cluster_of(const fs::path& data_dir,
                                                    const fs::path& config_root) {
  for (const fs::path& version : directories_in(config_root)) {
    if (!is_number(version.filename().string())) continue;
    for (const fs::path& dir : directories_in(version)) {
      auto cluster =
          find_debian_cluster({version.filename().string(), dir.filename().string()}, config_root);
      if (cluster && same_directory(cluster->data_dir, data_dir)) return cluster;
    }
  }
  return std::nullopt;
}

}  // namespace pgkeel::instance
