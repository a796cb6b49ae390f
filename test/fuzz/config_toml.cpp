// Any text as pgkeel.toml and as an env file: every key that is read has a row and a place, what
// the table accepts reaches its member, and a configuration without a problem has what its kind
// needs.
#include "app/config/source.hpp"
#include "base/check.hpp"

using namespace pgkeel;

namespace {

void settle(const app::RawSetting& setting) {
  CHECK(setting.definition != nullptr && !setting.key.empty() && !setting.origin.empty());
  const auto& definition = *setting.definition;
  static_cast<void>(app::shown_value(definition, setting.values));
  if (!app::objection(definition, setting.values, setting.shape).empty()) return;
  app::Config config;
  // Keys of lists and free names are placed by the whole reading below.
  CHECK(definition.into == nullptr || definition.into(config, setting.values));
}

void settle_all(const app::SourceReading& reading) {
  for (const auto& setting : reading.settings) settle(setting);
  for (const auto& problem : reading.problems) {
    CHECK(problem.exit_number() == 2);
    CHECK(!problem.detail.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(input), size);
  settle_all(app::read_toml(text, "pgkeel.toml", "/etc/pgkeel"));
  app::ConfigSources sources;
  sources.file = sources.working_dir = "/nowhere";
  sources.file_text = text;
  const auto whole = app::read_config(sources);
  CHECK(!whole.problems.empty() || whole.loaded.config.state_dir.is_absolute());
  const auto file = app::read_env_file(text, ".env");
  CHECK(file.variables.size() == file.origins.size());
  settle_all(app::read_variables(file.variables, file.origins, "/"));
  static_cast<void>(app::app_server(file.variables));
  return 0;
}
