// See places.hpp.
#include "app/shadow/places.hpp"

#include "instance/instance.hpp"

namespace pgkeel::app {

namespace fs = std::filesystem;

bool shadow_may_run(const Config& config) {
  return config.shadow.enabled && config.instance.kind != instance::Kind::Remote;
}

// What is beside the data of a container goes with its volume.
fs::path shadow_data_directory(const Config& config) {
  if (!config.shadow.data_dir.empty()) return config.shadow.data_dir;
  const bool in_volume = config.instance.kind == instance::Kind::Container;
  auto beside =
      in_volume || config.instance.data_dir.empty() ? config.state_dir : config.instance.data_dir;
  beside += ".pgkeel-shadow";
  return beside;
}

fs::path shadow_run_directory(const Config& config) {
  auto run = shadow_data_directory(config);
  run += ".run";
  return run;
}

fs::path shadow_socket_directory(const Config& config) {
  return shadow_run_directory(config) / "server";
}

fs::path gate_directory(const Config& config) { return shadow_run_directory(config) / "gate"; }

std::string relay_directory(const Config& config) {
  return config.shadow.enabled ? shadow_run_directory(config).string() : std::string();
}

shadow::CopyPlaces shadow_copy_places(const Config& config) {
  const auto data_dir = shadow_data_directory(config);
  auto build_dir = data_dir;
  build_dir += ".build";
  return {data_dir, build_dir};
}

}  // namespace pgkeel::app
