// pgkeel config check: everything that is wrong with the configuration, in one run, without
// starting anything.
#include <algorithm>

#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "app/report_error.hpp"

namespace pgkeel::app {
namespace {

// Keys somebody wrote that nothing uses yet.
std::vector<std::string> idle_keys(const LoadedConfig& loaded) {
  std::vector<std::string> keys;
  for (const auto& setting : loaded.settings) {
    if (!setting.in_effect && !setting.is_default) keys.push_back(setting.key);
  }
  return keys;
}

int print_json(const ConfigReading& reading) {
  Json problems = Json::array();
  for (const auto& problem : reading.problems) problems.push_back(*parse_json(error_json(problem)));
  fmt::print("{}", to_line({{"ok", reading.problems.empty()},
                            {"file", reading.loaded.config.file.string()},
                            {"problems", problems},
                            {"not_in_effect", idle_keys(reading.loaded)},
                            {"notes", reading.loaded.notes}}));
  return reading.problems.empty() ? 0 : reading.problems.front().exit_number();
}

Result<int> run(const Invocation& invocation) {
  const auto reading = read_config(invocation.sources());
  if (invocation.global.json) return print_json(reading);
  const auto& loaded = reading.loaded;
  const auto& file = loaded.config.file;
  for (const auto& key : idle_keys(loaded)) fmt::print("{} is read, but not in effect yet\n", key);
  for (const auto& note : loaded.notes) fmt::print("note: {}\n", note);
  for (const auto& problem : reading.problems) report_error(problem, ErrorForm::Text);
  if (!reading.problems.empty()) return reading.problems.front().exit_number();
  const auto given = std::ranges::count_if(
      loaded.settings, [](const Setting& setting) { return !setting.is_default; });
  fmt::print("{}: {} keys given, all right.\n",
             file.empty() ? std::string("no configuration file") : file.string(), given);
  return 0;
}

}  // namespace

CommandSpec config_check_command() {
  return {.name = "config check",
          .summary = "read the configuration and say everything that is wrong with it",
          .details =
              "Starts and changes nothing. Also names keys that are read but not in effect "
              "yet.",
          .example = "pgkeel config check --config /etc/pgkeel/pgkeel.toml",
          .run = run};
}

}  // namespace pgkeel::app
