// From sources to one Config: later sources win, the kind of instance is inferred where it is not
// said, what depends on it gets its default, and everything is checked once, in the order of the
// table.
#include "app/config.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <unistd.h>

#include "app/config/alerts.hpp"
#include "app/config/source.hpp"
#include "instance/instance.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDefaultOrigin = "default";
constexpr std::string_view kEmbeddedHome = "pgkeel-data";
constexpr std::string_view kSystemStateDir = "/var/lib/pgkeel";

class Loader {
 public:
  explicit Loader(const ConfigSources& sources) : sources_(sources) {}

  ConfigReading load() {
    read_file_source();
    read_environment();
    for (const auto& flag : sources_.flags) take_flag(flag);
    choose_kind();
    add_defaults();
    for (const auto& definition : key_definitions()) settle(definition);
    check_lists();
    if (reading_.problems.empty()) check_together();
    return std::move(reading_);
  }

 private:
  void take(SourceReading source);
  void read_file_source();
  void read_environment();
  void read_env_files();
  void take_flag(const FlagSetting& flag);
  void choose_kind();
  void add_defaults();
  void add_remote_defaults();
  void add_default(std::string_view key, std::string value, std::string_view because);
  void settle(const KeyDefinition& definition);
  void accept(RawSetting setting, bool is_default);
  void check_lists();
  void check_together();
  void require(bool given, std::string_view key, std::string_view kind);
  void bad_value(std::string detail) {
    reading_.problems.emplace_back(ErrorCode::ConfigBadValue, std::move(detail));
  }
  [[nodiscard]] const RawSetting* given(std::string_view key) const {
    const auto found = settings_.find(std::string(key));
    return found == settings_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] bool is_set(std::string_view key) const { return given(key) != nullptr; }
  [[nodiscard]] fs::path home() const;
  [[nodiscard]] bool home_is_private() const;
  [[nodiscard]] Config& config() { return reading_.loaded.config; }

  const ConfigSources& sources_;
  ConfigReading reading_;
  std::map<std::string, RawSetting> settings_;  // by shown key; the last source's
  std::map<std::string, std::string> variables_;
  std::map<std::string, std::string> origins_;
};

// A later source replaces a value, and a list of tables as a whole.
void Loader::take(SourceReading source) {
  for (auto& setting : source.settings) settings_[setting.key] = std::move(setting);
  std::ranges::move(source.problems, std::back_inserter(reading_.problems));
  std::ranges::move(source.notes, std::back_inserter(reading_.loaded.notes));
}

// How a path is called in messages: as the user would type it.
std::string shown_path(const fs::path& path, const fs::path& working_dir) {
  const auto inside = path.lexically_relative(working_dir);
  return inside.empty() || *inside.begin() == ".." ? path.string() : inside.string();
}

fs::path absolute(const fs::path& path, const fs::path& base_dir) {
  auto whole = (path.is_absolute() ? path : base_dir / path).lexically_normal();
  return whole.has_filename() || whole == whole.root_path() ? whole : whole.parent_path();
}

bool is_inside(const fs::path& path, const fs::path& dir) {
  const auto inside = path.lexically_relative(dir);
  return !dir.empty() && !inside.empty() && *inside.begin() != "..";
}

// Only what is surely absent is skipped: a file that may not be looked at is an error, not a
// default.
bool may_exist(const fs::path& path) {
  std::error_code ignored;
  return !path.empty() && fs::status(path, ignored).type() != fs::file_type::not_found;
}

void Loader::read_file_source() {
  const auto asked = absolute(sources_.file, sources_.working_dir);
  auto file = asked;
  if (sources_.file.empty()) {
    file = sources_.working_dir / "pgkeel.toml";
    if (!may_exist(file)) file = sources_.system_file;
    if (!may_exist(file)) return;
  }
  config().file = file;
  const auto name = shown_path(file, sources_.working_dir);
  const auto text = sources_.file_text ? Result<std::string>(*sources_.file_text)
                                       : runtime::read_file(file, kConfigBytesMax);
  if (!text) {
    reading_.problems.emplace_back(ErrorCode::ConfigUnreadable,
                                   fmt::format("cannot read {}: {}", name, text.error().detail));
    return;
  }
  take(read_toml(*text, name, file.parent_path()));
}

// env files first, so that the real environment outranks them.
void Loader::read_environment() {
  auto environment = read_variables(sources_.environment, {}, sources_.working_dir);
  for (const auto& setting : environment.settings) {
    if (setting.key == "env_file") settings_[setting.key] = setting;
  }
  for (const auto& flag : sources_.flags) {
    if (flag.key == "env_file") take_flag(flag);
  }
  read_env_files();
  take(std::move(environment));
  for (const auto& [name, value] : sources_.environment) {
    if (value.empty()) continue;
    variables_[name] = value;
    origins_.erase(name);
  }
}

void Loader::read_env_files() {
  const auto* files = given("env_file");
  if (files == nullptr || !objection(*files->definition, files->values, files->shape).empty())
    return;
  for (const auto& value : files->values) {
    const auto path = absolute(value, files->base_dir);
    const auto name = shown_path(path, sources_.working_dir);
    const auto text = runtime::read_file(path, kConfigBytesMax);
    if (!text) {
      reading_.problems.emplace_back(ErrorCode::ConfigUnreadable,
                                     fmt::format("cannot read env_file {} ({}): {}", name,
                                                 files->origin, text.error().detail));
      continue;
    }
    auto file = read_env_file(*text, name);
    std::ranges::move(file.problems, std::back_inserter(reading_.problems));
    file.variables.erase("PGKEEL_ENV_FILE");  // no file brings in another
    take(read_variables(file.variables, file.origins, path.parent_path()));
    for (auto& [variable, content] : file.variables) {
      origins_[variable] = fmt::format("{} {}", file.origins[variable], variable);
      variables_[variable] = std::move(content);
    }
  }
}

void Loader::take_flag(const FlagSetting& flag) {
  const auto* definition = find_key(flag.key);
  if (definition == nullptr || definition->in_list() || definition->free_name()) {
    reading_.problems.push_back(unknown_key(flag.key, flag.flag));
    return;
  }
  if (definition->secrecy == Secrecy::Secret) {
    reading_.problems.push_back(
        Error(ErrorCode::ConfigBadValue,
              fmt::format("{} is a secret and not taken from a flag, which every user can see",
                          flag.key))
            .with_hint(fmt::format("Set {} in the environment or an env_file.",
                                   environment_name(*definition))));
    return;
  }
  auto values = is_list(definition->type) ? split_list(flag.value) : Values{flag.value};
  settings_[flag.key] = {definition,     flag.key,  std::move(values),
                         Shape::Untyped, flag.flag, sources_.working_dir};
}

// What was configured says what is meant; with no file at all an app's own variables do.
void Loader::choose_kind() {
  const auto server = app_server(variables_);
  const auto* kind = given("instance.kind");
  const bool remote = kind != nullptr && kind->values == Values{"remote"};
  const bool by_app = kind == nullptr && config().file.empty() && !is_set("instance.data_dir") &&
                      !is_set("instance.unit") && !is_set("instance.container");
  if (server && !is_set("instance.url") && (remote || by_app)) {
    const auto place = origins_.find(server->origin);
    settings_["instance.url"] = {find_key("instance.url"),
                                 "instance.url",
                                 {server->url},
                                 Shape::Untyped,
                                 place == origins_.end() ? server->origin : place->second,
                                 sources_.working_dir};
  }
  if (is_set("instance.container")) {
    add_default("instance.kind", "container", "because instance.container is set");
  } else if (is_set("instance.data_dir")) {
    add_default("instance.kind", "managed", "because instance.data_dir is set");
  } else if (is_set("instance.unit")) {
    add_default("instance.kind", "managed", "because instance.unit is set");
  } else if (const auto* url = given("instance.url")) {
    add_default("instance.kind", "remote", fmt::format("because of {}", url->origin));
  } else {
    add_default("instance.kind", "embedded", {});
  }
}

// Where a private cluster lives: beside the configuration, but never in /etc.
fs::path Loader::home() const {
  const auto& file = reading_.loaded.config.file;
  if (file.empty()) return sources_.working_dir / kEmbeddedHome;
  return (home_is_private() ? file.parent_path() : fs::path(kSystemStateDir)) / kEmbeddedHome;
}

// Whether the configuration is somebody's own, and not the machine's.
bool Loader::home_is_private() const {
  const auto& file = reading_.loaded.config.file;
  return file != sources_.system_file && !is_inside(file.parent_path(), "/etc");
}

void Loader::add_defaults() {
  const auto kind = given("instance.kind")->values;
  const bool embedded = kind == Values{"embedded"};
  const bool remote = kind == Values{"remote"};
  const auto because = embedded ? "embedded" : "";
  if (embedded) {
    add_default("instance.data_dir", home() / "data", because);
    const auto* data_dir = given("instance.data_dir");
    if (!data_dir->values.empty()) {
      const auto place = absolute(data_dir->values.front(), data_dir->base_dir);
      add_default("instance.socket_dir", place.parent_path() / "run", because);
    }
  }
  const bool ours = embedded || config().file.empty() || (remote && home_is_private());
  add_default("state_dir", ours ? (home() / "state").string() : std::string(kSystemStateDir), {});
  if (kind == Values{"remote"}) add_remote_defaults();
  if (const auto* policy = given("recover.missing_table"); policy != nullptr)
    add_default("recover.missing_database", policy->values.empty() ? "" : policy->values.front(),
                "as recover.missing_table");
  for (const auto& definition : key_definitions()) {
    if (definition.fallback.empty() || definition.in_list()) continue;
    add_default(definition.key, std::string(definition.fallback), {});
  }
}

// Constant probing would keep a server awake that sleeps when nobody asks, and is paid for.
void Loader::add_remote_defaults() {
  constexpr std::string_view kInDoubt = "5s";
  add_default("sense.login_every", "60s", "remote");
  const auto& every = given("sense.login_every")->values;
  Millis asked{};
  const bool faster = read_value(every, asked) && asked < *parse_duration(kInDoubt);
  add_default("sense.in_doubt", faster ? every.front() : std::string(kInDoubt), "remote");
  add_default("sense.timeout", "10s", "remote");
  add_default("sense.write_every", "0s", "remote");
  add_default("sense.watch_every", "0s", "remote");
}

void Loader::add_default(std::string_view key, std::string value, std::string_view because) {
  if (is_set(key)) return;
  auto origin = because.empty() ? std::string(kDefaultOrigin)
                                : fmt::format("{}: {}", kDefaultOrigin, because);
  settings_[std::string(key)] = {find_key(key),  std::string(key),  {std::move(value)},
                                 Shape::Untyped, std::move(origin), sources_.working_dir};
}

// "alert[2].kind" is of row 1.
bool put(const KeyDefinition& definition, const RawSetting& setting, Config& config) {
  if (definition.into_named != nullptr) {
    const auto name = std::string_view(setting.key).substr(definition.key.size() - 1);
    return definition.into_named(config, name, setting.values);
  }
  if (definition.into_row == nullptr) return definition.into(config, setting.values);
  std::size_t number = 0;
  const char* end = setting.key.data() + setting.key.size();
  std::from_chars(setting.key.data() + setting.key.find('[') + 1, end, number);
  return number > 0 && definition.into_row(config, number - 1, setting.values);
}

// One row of the table: its value, or the lines of a list of tables, or "not set".
void Loader::settle(const KeyDefinition& definition) {
  bool any = false;
  for (const auto& [key, setting] : settings_) {
    if (setting.definition != &definition) continue;
    any = true;
    accept(setting, setting.origin.starts_with(kDefaultOrigin));
  }
  if (any || definition.in_list() || definition.free_name()) return;
  reading_.loaded.settings.push_back(
      {std::string(definition.key), {}, std::string(kDefaultOrigin), true, definition.in_effect()});
}

void Loader::accept(RawSetting setting, bool is_default) {
  const auto& definition = *setting.definition;
  auto reason = objection(definition, setting.values, setting.shape);
  if (reason.empty() && definition.free_name()) {
    const auto name = setting.key.substr(definition.key.size() - 1);
    if (!parse_duration(name)) reason = fmt::format("'{}' is not a duration such as 5m", name);
  }
  const bool local = definition.type == ValueType::Store && !setting.values.empty() &&
                     !setting.values.front().starts_with("s3://");
  const bool path = definition.type == ValueType::Path || definition.type == ValueType::PathList;
  if (reason.empty() && (path || local)) {
    for (auto& value : setting.values) value = absolute(value, setting.base_dir);
  }
  if (reason.empty() && definition.in_effect() && !put(definition, setting, config()))
    reason = "is not understood";
  if (!reason.empty()) {
    const bool tell = definition.secrecy == Secrecy::Open && setting.shape != Shape::Other;
    const auto value = tell ? fmt::format(" = \"{}\"", fmt::join(setting.values, ", ")) : "";
    Error error(ErrorCode::ConfigBadValue,
                fmt::format("{}{} ({}) {}", setting.key, value, setting.origin, reason));
    error.hint_override = fmt::format("{} accepts {}.", setting.key, accepted(definition));
    reading_.problems.push_back(std::move(error));
    return;
  }
  reading_.loaded.settings.push_back({setting.key, shown_value(definition, setting.values),
                                      setting.origin, is_default, definition.in_effect()});
}

// Every table of a list has what it needs: "alert[2] has no kind".
void Loader::check_lists() {
  std::map<std::string, const KeyDefinition*> tables;  // "alert[2]" to any key of it
  for (const auto& [key, setting] : settings_) {
    if (setting.definition->in_list()) tables[key.substr(0, key.rfind('.'))] = setting.definition;
  }
  for (const auto& [table, sample] : tables) {
    const auto section = sample->key.substr(0, sample->key.rfind('.') + 1);
    for (const auto& definition : key_definitions()) {
      const bool needed = definition.need == Need::Required && definition.key.starts_with(section);
      const auto name = definition.key.substr(std::min(section.size(), definition.key.size()));
      if (needed && !is_set(fmt::format("{}.{}", table, name)))
        bad_value(fmt::format("{} ({}) has no {}", table,
                              settings_.lower_bound(table)->second.origin, name));
    }
    const bool hook = section == "after_recovery[].";
    if (hook && is_set(table + ".command") == is_set(table + ".url"))
      bad_value(fmt::format("{} takes either a command or a url", table));
  }
}

void Loader::require(bool given, std::string_view key, std::string_view kind) {
  if (given) return;
  Error error(ErrorCode::ConfigBadValue,
              fmt::format("{} is not set, and instance.kind = \"{}\" needs it", key, kind));
  error.hint_override = fmt::format("Set {} in pgkeel.toml, or {} in the environment.", key,
                                    environment_name(*find_key(key)));
  reading_.problems.push_back(std::move(error));
}

void Loader::check_together() {
  const auto& instance = config().instance;
  switch (instance.kind) {
    case instance::Kind::Managed:
      // A Debian cluster's unit says where its data directory is.
      require(!instance.data_dir.empty() || !instance.unit.empty(), "instance.data_dir", "managed");
      break;
    case instance::Kind::Container:
      require(!instance.container.empty(), "instance.container", "container");
      break;
    case instance::Kind::Remote: require(!instance.url.empty(), "instance.url", "remote"); break;
    case instance::Kind::Embedded: break;
  }
  if (is_inside(config().state_dir, instance.data_dir)) {
    bad_value(
        fmt::format("state_dir {} is inside the data directory {}: the ledger must survive it",
                    config().state_dir.string(), instance.data_dir.string()));
  }
  if (!config().application.configured() && !config().application.role.empty())
    bad_value("application.role is set, and application.database is not");
  std::ranges::move(check_alerts(config()), std::back_inserter(reading_.problems));
  if (config().sense.in_doubt > config().sense.login_every) {
    bad_value(fmt::format("sense.in_doubt ({}) is longer than sense.login_every ({})",
                          format_duration(config().sense.in_doubt),
                          format_duration(config().sense.login_every)));
  }
}

}  // namespace

ConfigSources ConfigSources::of_process() {
  ConfigSources sources;
  std::error_code gone;
  sources.working_dir = fs::current_path(gone);
  if (gone) sources.working_dir = "/";
  for (char** line = environ; line != nullptr && *line != nullptr; ++line) {
    const std::string_view text = *line;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos)
      sources.environment[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  if (const auto named = sources.environment.find("PGKEEL_CONFIG");
      named != sources.environment.end())
    sources.file = named->second;
  return sources;
}

ConfigReading read_config(const ConfigSources& sources) { return Loader(sources).load(); }

Result<LoadedConfig> load_config(const ConfigSources& sources) {
  auto reading = read_config(sources);
  if (!reading.problems.empty()) return fail(std::move(reading.problems.front()));
  return std::move(reading.loaded);
}

}  // namespace pgkeel::app
