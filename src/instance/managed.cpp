// See managed.hpp. A unit of another form than postgresql@V-N is only a name to us: the server is
// then run directly, and survives by KillMode=process or a scope of its own.
#include "instance/managed.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

std::optional<DebianCluster> debian_cluster(const InstanceConfig& config, const fs::path& root) {
  if (const auto unit = parse_debian_unit(config.unit)) return find_debian_cluster(*unit, root);
  if (config.data_dir.empty()) return std::nullopt;
  return find_debian_cluster_of(config.data_dir, root);
}

// pg_ctlcluster takes no options of ours, so whoever sets some gets the server run directly.
bool wants_direct(const InstanceConfig& config) {
  return config.port != 0 || !config.socket_dir.empty() || !config.settings.empty();
}

fs::path log_file_of(const InstanceConfig& config, const Layout& layout) {
  if (!config.log_file.empty()) return config.log_file;
  if (layout.debian) return layout.debian->log_file;
  return layout.command.data_dir.string() + ".log";
}

Result<fs::path> data_dir_of(const InstanceConfig& config,
                             const std::optional<DebianCluster>& cluster) {
  if (!config.data_dir.empty()) return fs::absolute(config.data_dir).lexically_normal();
  if (cluster) return cluster->data_dir;
  return fail(ErrorCode::ConfigBadValue,
              config.unit.empty() ? "instance.data_dir is not set"
                                  : "instance.data_dir is not set and unit " + config.unit +
                                        " is no cluster configured in /etc/postgresql");
}

}  // namespace

Result<Layout> managed_layout(const InstanceConfig& config, const fs::path& debian_root) {
  Layout layout;
  layout.kind = Kind::Managed;
  const auto cluster = debian_cluster(config, debian_root);
  TRY(data_dir, data_dir_of(config, cluster));
  layout.command.data_dir = data_dir;
  layout.command.bin_dir = config.bin_dir;
  layout.command.config_file = config.config_file;
  layout.command.settings = server_settings(config);
  layout.earlier = EarlierOptions::Keep;
  layout.port = config.port;
  layout.socket_dir = config.socket_dir;
  if (cluster && layout.command.config_file.empty())
    layout.command.config_file = cluster->config_file();
  if (cluster && !wants_direct(config)) layout.debian = cluster;
  layout.unit = cluster ? cluster->unit() : config.unit;
  layout.log_file = log_file_of(config, layout);
  return layout;
}

}  // namespace pgkeel::instance
