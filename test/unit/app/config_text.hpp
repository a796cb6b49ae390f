// A configuration made of text in a directory of its own, for tests of the reader.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

#include "app/config.hpp"

namespace pgkeel::app {

class ConfigDir {
 public:
  ConfigDir() {
    std::string pattern = "/tmp/pgkeel-test-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    sources.working_dir = dir_;
    sources.system_file = dir_ / "etc" / "pgkeel.toml";
  }
  ~ConfigDir() { std::filesystem::remove_all(dir_); }
  ConfigDir(const ConfigDir&) = delete;
  ConfigDir& operator=(const ConfigDir&) = delete;

  void write(std::string_view name, std::string_view text) const {
    std::filesystem::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return dir_; }

  /// The configuration, or a failed test.
  [[nodiscard]] LoadedConfig load() const {
    auto loaded = load_config(sources);
    if (!loaded) {
      ADD_FAILURE() << loaded.error().message();
      return {};
    }
    return std::move(*loaded);
  }
  /// The first error, or a failed test.
  [[nodiscard]] Error error() const {
    auto loaded = load_config(sources);
    if (loaded) {
      ADD_FAILURE() << "was accepted";
      return {};
    }
    return std::move(loaded).error();
  }

  ConfigSources sources;

 private:
  std::filesystem::path dir_;
};

/// The setting of that key, or a failed test.
inline Setting setting_of(const LoadedConfig& loaded, std::string_view key) {
  for (const auto& setting : loaded.settings) {
    if (setting.key == key) return setting;
  }
  ADD_FAILURE() << "no setting " << key;
  return {};
}

}  // namespace pgkeel::app
