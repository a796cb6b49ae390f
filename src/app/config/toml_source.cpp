// pgkeel.toml through toml++, whose types and exceptions stay in this file.
#include "app/config/source.hpp"

#include <fmt/format.h>

#include "app/config/nearest.hpp"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace pgkeel::app {
namespace {

// A file that holds more is not configuration; reading it would only take time.
constexpr std::size_t kSettingsMax = 10'000;

std::string joined(std::string_view prefix, std::string_view name) {
  return prefix.empty() ? std::string(name) : fmt::format("{}.{}", prefix, name);
}

struct TomlReader {
  std::string name;
  std::filesystem::path base_dir;
  SourceReading reading;

  [[nodiscard]] std::string place(const toml::node& node) const {
    return fmt::format("{}:{}", name, node.source().begin.line);
  }

  void problem(ErrorCode code, std::string detail) {
    reading.problems.emplace_back(code, std::move(detail));
  }

  void read_table(const toml::table& table, const std::string& key, const std::string& shown);
  void read_node(const toml::node& node, const std::string& key, const std::string& shown);
  bool read_tables(const toml::array& array, const std::string& key, const std::string& shown);
  void read_value_of(const toml::node& node, const KeyDefinition& definition,
                     const std::string& shown);
};

// The text of a scalar, or nothing for what configuration has no use for (dates, tables).
std::optional<std::pair<std::string, Shape>> scalar(const toml::node& node) {
  if (const auto* text = node.as_string()) return {{text->get(), Shape::Text}};
  if (const auto* number = node.as_integer())
    return {{std::to_string(number->get()), Shape::Number}};
  if (const auto* number = node.as_floating_point())
    return {{fmt::format("{}", number->get()), Shape::Number}};
  if (const auto* flag = node.as_boolean()) return {{flag->get() ? "true" : "false", Shape::Flag}};
  return std::nullopt;
}

void TomlReader::read_value_of(const toml::node& node, const KeyDefinition& definition,
                               const std::string& shown) {
  RawSetting setting{&definition, shown, {}, Shape::Other, place(node), base_dir};
  if (const auto* array = node.as_array()) {
    setting.shape = Shape::List;
    for (const auto& element : *array) {
      const auto text = scalar(element);
      if (!text || text->second != Shape::Text) setting.shape = Shape::Other;
      else setting.values.push_back(text->first);
    }
  } else if (auto text = scalar(node)) {
    setting.values.push_back(std::move(text->first));
    setting.shape = text->second;
  }
  reading.settings.push_back(std::move(setting));
}

// [[alert]] or alert = [{...}]: every element is a table, counted from one for people.
bool TomlReader::read_tables(const toml::array& array, const std::string& key,
                             const std::string& shown) {
  std::size_t number = 0;
  for (const auto& element : array) {
    if (!element.is_table()) return false;
    read_table(*element.as_table(), key + "[]", fmt::format("{}[{}]", shown, ++number));
  }
  return true;
}

void TomlReader::read_node(const toml::node& node, const std::string& key,
                           const std::string& shown) {
  if (reading.settings.size() + reading.problems.size() >= kSettingsMax) return;
  if (const auto* definition = find_key(key)) {
    read_value_of(node, *definition, shown);
  } else if (is_section(key + "[]") && node.is_array() &&
             read_tables(*node.as_array(), key, shown)) {
    return;
  } else if (is_section(key) && !is_section(key + "[]") && node.is_table()) {
    read_table(*node.as_table(), key, shown);
  } else if (is_section(key + "[]")) {
    problem(ErrorCode::ConfigBadValue,
            fmt::format("'{0}' in {1} is a list of tables: write [[{0}]]", shown, place(node)));
  } else if (is_section(key)) {
    problem(ErrorCode::ConfigBadValue,
            fmt::format("'{0}' in {1} is a section: write [{0}]", shown, place(node)));
  } else {
    reading.problems.push_back(unknown_key(shown, place(node)));
  }
}

void TomlReader::read_table(const toml::table& table, const std::string& key,
                            const std::string& shown) {
  const auto* free_name = find_key(key + ".*");
  for (const auto& [name_of_key, node] : table) {
    const auto part = std::string(name_of_key.str());
    if (free_name != nullptr) read_value_of(node, *free_name, joined(shown, part));
    else read_node(node, joined(key, part), joined(shown, part));
  }
}

}  // namespace

SourceReading read_toml(std::string_view text, std::string_view name,
                        const std::filesystem::path& base_dir) {
  TomlReader reader{std::string(name), base_dir, {}};
  if (text.size() > kConfigBytesMax) {
    reader.problem(ErrorCode::ConfigUnreadable,
                   fmt::format("{} is larger than {}", name, format_size(kConfigBytesMax)));
    return reader.reading;
  }
  const auto parsed = toml::parse(text, name);
  if (!parsed) {
    const auto& at = parsed.error().source().begin;
    reader.problem(ErrorCode::ConfigSyntax, fmt::format("{}:{}:{}: {}", name, at.line, at.column,
                                                        parsed.error().description()));
    return reader.reading;
  }
  reader.read_table(parsed.table(), {}, {});
  return reader.reading;
}

Error unknown_key(std::string_view key, std::string_view origin) {
  const auto nearest = nearest_name(key, known_names());
  auto detail = fmt::format("unknown key '{}' in {}", key, origin);
  if (nearest) detail += fmt::format(", did you mean '{}'?", *nearest);
  return {ErrorCode::ConfigUnknownKey, std::move(detail)};
}

}  // namespace pgkeel::app
