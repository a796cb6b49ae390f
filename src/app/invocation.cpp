// From the options of a command to its configuration.
#include <fmt/format.h>

#include "app/command.hpp"

namespace pgkeel::app {

std::optional<std::string> Invocation::value(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() || found->second.empty() ? std::nullopt
                                                        : std::optional(found->second.back());
}

ConfigSources Invocation::sources() const {
  auto sources = ConfigSources::of_process();
  if (!global.config_file.empty()) sources.file = global.config_file;
  for (const auto& assignment : global.set) {
    const auto equals = assignment.find('=');
    const bool whole = equals != std::string::npos;
    sources.flags.push_back({assignment.substr(0, equals),
                             whole ? assignment.substr(equals + 1) : std::string(), "--set"});
  }
  if (!global.state_dir.empty())
    sources.flags.push_back({"state_dir", global.state_dir, "--state-dir"});
  if (!global.log_format.empty())
    sources.flags.push_back({"log.format", global.log_format, "--log-format"});
  return sources;
}

std::vector<std::string> GlobalOptions::configuration_flags() const {
  std::vector<std::string> flags;
  if (!config_file.empty()) flags.insert(flags.end(), {"--config", config_file});
  if (!state_dir.empty()) flags.insert(flags.end(), {"--state-dir", state_dir});
  for (const auto& assignment : set) flags.insert(flags.end(), {"--set", assignment});
  return flags;
}

Result<Config> Invocation::load() const {
  TRY(loaded, load_config(sources()));
  loaded.config.flags = global.configuration_flags();
  return std::move(loaded.config);
}

}  // namespace pgkeel::app
