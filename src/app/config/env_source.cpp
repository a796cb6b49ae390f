// The environment and files like it: PGKEEL_ variables, and the variables by which an app finds its
// database.
#include "app/config/source.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "app/config/nearest.hpp"
#include "pg/conninfo.hpp"

namespace pgkeel::app {
namespace {

constexpr std::string_view kPrefix = "PGKEEL_";

std::string origin_of(const std::string& variable,
                      const std::map<std::string, std::string>& origins) {
  const auto place = origins.find(variable);
  return place == origins.end() ? variable : fmt::format("{} {}", place->second, variable);
}

const KeyDefinition* definition_of(std::string_view variable) {
  for (const auto& definition : key_definitions()) {
    if (environment_name(definition) == variable) return &definition;
  }
  return nullptr;
}

// What a PGKEEL_ variable that is no key was meant to be: a near name, or an empty text when only
// its first word is a section of ours, or nothing when it is somebody else's.
std::optional<std::string> meant(std::string_view variable) {
  std::vector<std::string> names;
  bool in_section = false;
  for (const auto& definition : key_definitions()) {
    if (environment_name(definition).empty()) continue;
    std::string name(definition.key);
    std::ranges::replace(name, '.', '_');
    const auto section =
        environment_name(definition).substr(0, kPrefix.size() + name.find('_') + 1);
    const bool sectioned = definition.key.find('.') != std::string_view::npos;
    in_section = in_section || (sectioned && variable.starts_with(section));
    names.push_back(std::move(name));
  }
  auto nearest = nearest_name(variable.substr(kPrefix.size()), names);
  if (!nearest) return in_section ? std::optional(std::string()) : std::nullopt;
  for (char& c : *nearest) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return std::string(kPrefix) + *nearest;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool is_variable_name(std::string_view name) {
  const auto usual = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  return !name.empty() && std::ranges::all_of(name, usual) &&
         std::isdigit(static_cast<unsigned char>(name.front())) == 0;
}

// "..." with backslash escapes, '...' as it is, or bare up to " #". Nothing when a quote is open.
std::optional<std::string> unquoted(std::string_view text) {
  if (text.empty()) return std::string();
  const char quote = text.front();
  if (quote != '"' && quote != '\'') {
    const auto comment = std::min(text.find(" #"), text.find("\t#"));
    return std::string(trimmed(text.substr(0, comment)));
  }
  std::string value;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == quote) {
      const auto rest = trimmed(text.substr(at + 1));
      return rest.empty() || rest.front() == '#' ? std::optional(value) : std::nullopt;
    }
    const bool escape = quote == '"' && text[at] == '\\' && at + 1 < text.size();
    if (escape) ++at;
    value += escape && text[at] == 'n' ? '\n' : text[at];
  }
  return std::nullopt;
}

std::string value_of(const std::map<std::string, std::string>& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

}  // namespace

SourceReading read_variables(const std::map<std::string, std::string>& variables,
                             const std::map<std::string, std::string>& origins,
                             const std::filesystem::path& base_dir) {
  SourceReading reading;
  for (const auto& [name, value] : variables) {
    // PGKEEL_CONFIG is --config; PGKEEL_CRASH_* belong to the tests (base/fault_point.hpp).
    const bool ours =
        name.starts_with(kPrefix) && name != "PGKEEL_CONFIG" && !name.starts_with("PGKEEL_CRASH_");
    if (!ours || value.empty()) continue;  // Compose passes unset variables as empty ones
    const auto origin = origin_of(name, origins);
    if (const auto* definition = definition_of(name)) {
      auto values = is_list(definition->type) ? split_list(value) : Values{value};
      reading.settings.push_back({definition, std::string(definition->key), std::move(values),
                                  Shape::Untyped, origin, base_dir});
    } else if (const auto near = meant(name)) {
      auto detail = fmt::format("unknown variable {}", origin);
      if (!near->empty()) detail += fmt::format(", did you mean {}?", *near);
      reading.problems.emplace_back(ErrorCode::ConfigUnknownKey, std::move(detail));
    } else {
      reading.notes.push_back(fmt::format("{} is no configuration key and is ignored", origin));
    }
  }
  return reading;
}

EnvFile read_env_file(std::string_view text, std::string_view name) {
  EnvFile file;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    const auto equals = line.find('=');
    const auto variable = trimmed(line.substr(0, equals));
    const auto value = equals == std::string_view::npos
                           ? std::nullopt
                           : unquoted(trimmed(line.substr(equals + 1)));
    if (!value || !is_variable_name(variable)) {
      // The line itself may hold a secret and is not repeated.
      file.problems.emplace_back(ErrorCode::ConfigSyntax,
                                 fmt::format("{}:{}: not of the form NAME=value", name, number));
      continue;
    }
    file.variables[std::string(variable)] = *value;
    file.origins[std::string(variable)] = fmt::format("{}:{}", name, number);
  }
  return file;
}

std::optional<AppServer> app_server(const std::map<std::string, std::string>& variables) {
  if (auto url = value_of(variables, "DATABASE_URL"); !url.empty())
    return AppServer{std::move(url), "DATABASE_URL"};
  pg::Conninfo conninfo;
  conninfo.host = value_of(variables, "POSTGRES_HOST");
  conninfo.port = value_of(variables, "POSTGRES_PORT");
  conninfo.user = value_of(variables, "POSTGRES_USER");
  conninfo.password = value_of(variables, "POSTGRES_PASSWORD");
  conninfo.database = value_of(variables, "POSTGRES_DB");
  constexpr auto kNames = std::to_array(
      {"POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"});
  const auto* first = std::ranges::find_if(
      kNames, [&](const char* name) { return !value_of(variables, name).empty(); });
  if (first == kNames.end()) return std::nullopt;
  if (conninfo.host.empty()) conninfo.host = "localhost";
  return AppServer{conninfo.to_keyword_value(), *first};
}

}  // namespace pgkeel::app
