// See places.hpp.
#include "app/shadow/places.hpp"

namespace pgkeel::app {

namespace fs = std::filesystem;

fs::path shadow_data_directory(const Config& config) {
  if (!config.shadow.data_dir.empty()) return config.shadow.data_dir;
  auto beside = config.instance.data_dir.empty() ? config.state_dir : config.instance.data_dir;
  beside += ".pgkeel-shadow";
  return beside;
}

fs::path shadow_run_directory(const Config& config) {
  auto run = shadow_data_directory(config);
  run += ".run";
  return run;
}

}  // namespace pgkeel::app
