// `config show` and the reference of keys.
#include <fmt/format.h>

#include "app/config/keys.hpp"
#include "app/render.hpp"

namespace pgkeel::app {
namespace {

std::string section_of(std::string_view key) {
  const auto dot = key.rfind('.');
  return std::string(key.substr(0, dot == std::string_view::npos ? 0 : dot));
}

// "alert[]" is written [[alert]], "archive.offsite" [archive.offsite].
std::string heading(const std::string& section) {
  if (section.empty()) return "Top level";
  if (!section.ends_with("[]")) return fmt::format("[{}]", section);
  return fmt::format("[[{}]]", section.substr(0, section.size() - 2));
}

std::string escaped_cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

std::string default_cell(const KeyDefinition& definition) {
  std::string text;
  if (!definition.fallback.empty()) text = fmt::format("`{}`", definition.fallback);
  if (!definition.fallback_note.empty())
    text += (text.empty() ? "" : "; ") + std::string(definition.fallback_note);
  if (text.empty()) text = definition.need == Need::Required ? "required" : "not set";
  return text;
}

constexpr std::string_view kReferenceHead =
    R"(# Configuration

Made from the table of keys (src/app/config/keys.cpp); the unit tests compare the two.

Later sources win: `pgkeel.toml`, then files named by `env_file`, then the environment, then flags
(`--state-dir`, `--log-format`, and `--set key=value` for any key). The file is `--config FILE` (or
`PGKEEL_CONFIG`), else `./pgkeel.toml`, else `/etc/pgkeel/pgkeel.toml`. A key `archive.store` is
`PGKEEL_ARCHIVE_STORE` in the environment; lists are separated by commas there, and an empty variable
counts as not set. Lists of tables (`[[alert]]`) and `[escalate]` can only stand in the file.
A relative path starts at the directory of the file it is written in, elsewhere at the current one.

An unknown key is an error that names the nearest known one. Of the environment only what looks like
a mistyped key is an error; other `PGKEEL_` variables are noted by `pgkeel config check` and ignored.
`pgkeel config show` prints every key, its value and where it came from, with passwords masked.

Which kind: `instance.kind` when it is set; else container when `instance.container` is set, managed
when `instance.data_dir` or `instance.unit` is, remote when only `instance.url` is. With no file,
`DATABASE_URL` or any of `POSTGRES_HOST`, `POSTGRES_PORT`, `POSTGRES_USER`, `POSTGRES_PASSWORD`,
`POSTGRES_DB` means remote. Otherwise embedded: a private cluster under `./pgkeel-data` (beside the file, where there is one).
`kind = "remote"` without a url takes it from those variables too.

A line marked *not yet* is read and checked, but no part of pgkeel uses it so far.
)";

}  // namespace

std::string render_settings(const LoadedConfig& loaded, const Look& look) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& setting : loaded.settings) {
    const auto value = setting.value.empty() ? "(not set)" : printable(setting.value);
    auto origin = setting.origin + (setting.in_effect ? "" : "  [not in effect yet]");
    rows.push_back({look.paint(setting.is_default ? Tone::Dim : Tone::Strong, setting.key), value,
                    look.paint(Tone::Dim, origin)});
  }
  const auto& file = loaded.config.file;
  auto text = file.empty() ? std::string("# no configuration file\n")
                           : fmt::format("# {}\n", file.string());
  // The origin is what the screen is for; a narrow terminal wraps instead of cutting it off.
  constexpr int kUncut = 10'000;
  return text + columns(rows, kUncut);
}

Json settings_json(const LoadedConfig& loaded) {
  Json list = Json::array();
  for (const auto& setting : loaded.settings) {
    list.push_back({{"key", setting.key},
                    {"value", setting.value.empty() ? Json() : Json(setting.value)},
                    {"origin", setting.origin},
                    {"default", setting.is_default},
                    {"in_effect", setting.in_effect}});
  }
  const auto& file = loaded.config.file;
  return {{"file", file.empty() ? Json() : Json(file.string())},
          {"settings", std::move(list)},
          {"notes", loaded.notes}};
}

std::string configuration_markdown() {
  std::string text(kReferenceHead);
  std::string section = "none yet";
  for (const auto& definition : key_definitions()) {
    if (section_of(definition.key) != section) {
      section = section_of(definition.key);
      text += fmt::format("\n## {}\n\n| key | accepts | default | meaning |\n|---|---|---|---|\n",
                          heading(section));
    }
    const auto name = definition.key.substr(section.empty() ? 0 : section.size() + 1);
    text += fmt::format("| `{}` | {} | {} | {}{} |\n", name == "*" ? "\"5m\"" : name,
                        escaped_cell(accepted(definition)), escaped_cell(default_cell(definition)),
                        definition.in_effect() ? "" : "*not yet* ",
                        escaped_cell(definition.description));
  }
  return text;
}

}  // namespace pgkeel::app
