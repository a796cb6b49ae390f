// One layout for every help page: what it is, how it is called, options, an example.
#include "app/help.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace pgkeel::app {
namespace {

constexpr int kHelpWidth = 96;

std::string shown_names(const OptionSpec& option) {
  std::string names;
  for (const char c : option.names) {
    names += c;
    if (c == ',') names += ' ';
  }
  return option.value.empty() ? names : fmt::format("{} {}", names, option.value);
}

std::string option_lines(const std::vector<OptionSpec>& options) {
  std::size_t widest = 0;
  for (const auto& option : options) widest = std::max(widest, shown_names(option).size());
  std::string text;
  for (const auto& option : options) {
    const auto line = fmt::format("  {:<{}}  ", shown_names(option), widest);
    text += line + wrap(option.help, kHelpWidth, line.size());
  }
  return text;
}

// "list incidents" -> "List incidents."
std::string as_sentence(std::string_view text) {
  std::string sentence(text);
  sentence.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return sentence + ".";
}

std::string_view first_word(std::string_view name) { return name.substr(0, name.find(' ')); }

const GroupSpec* group_of(const CommandTable& table, const CommandSpec& command) {
  for (const auto& group : table.groups) {
    if (first_word(command.name) == group.name) return &group;
  }
  return nullptr;
}

std::string command_lines(const CommandTable& table, std::string_view group) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& command : table.commands) {
    if (group.empty() || first_word(command.name) == group)
      rows.push_back({"  " + std::string(command.name), std::string(command.summary)});
  }
  return columns(rows, kHelpWidth);
}

}  // namespace

const std::vector<OptionSpec>& global_options() {
  static const std::vector<OptionSpec> options = {
      {.names = "--config",
       .value = "FILE",
       .help = "configuration to read instead of ./pgkeel.toml or /etc/pgkeel/pgkeel.toml"},
      {.names = "--state-dir", .value = "DIR", .help = "where the guard keeps its state"},
      {.names = "--set",
       .value = "KEY=VALUE",
       .help = "any other key of the configuration, e.g. sense.timeout=3s",
       .takes = OptionSpec::Takes::Many},
      {.names = "--log-format", .value = "FORMAT", .help = "text or json"},
      {.names = "--json", .help = "one JSON value on stdout, errors included"},
      {.names = "--no-color", .help = "no colours, as with NO_COLOR or without a terminal"},
      {.names = "-h,--help", .help = "this text"},
  };
  return options;
}

std::string usage_line(const CommandSpec& command) {
  auto line = fmt::format("pgkeel {} [OPTIONS]", command.name);
  for (const auto& argument : command.arguments) {
    const bool required = argument.given == OptionSpec::Given::Required;
    const auto many = argument.takes == OptionSpec::Takes::Many ? "..." : "";
    line += fmt::format(fmt::runtime(required ? " {}{}" : " [{}{}]"), argument.names, many);
  }
  if (!command.passed_on.empty()) line += fmt::format(" [{}...]", command.passed_on);
  return line;
}

std::string help_text(const CommandTable& table) {
  return fmt::format(
      "pgkeel keeps a PostgreSQL database up, whole and recoverable.\n\n"
      "usage: pgkeel COMMAND [OPTIONS]\n\ncommands:\n{}\noptions of every command:\n{}\n"
      "'pgkeel COMMAND --help' explains a command and gives an example.\n"
      "Exit codes: docs/reference/exit-codes.md. Configuration: docs/reference/configuration.md.\n",
      command_lines(table, {}), option_lines(global_options()));
}

std::string group_help_text(const CommandTable& table, std::string_view group) {
  const auto found = std::ranges::find(table.groups, group, &GroupSpec::name);
  const auto summary = found == table.groups.end() ? std::string_view() : found->summary;
  return fmt::format("pgkeel {0}: {1}\n\nusage: pgkeel {0} COMMAND [OPTIONS]\n\ncommands:\n{2}",
                     group, summary, command_lines(table, group));
}

std::string command_help_text(const CommandSpec& command) {
  auto text = fmt::format("{}\n\nusage: {}\n", command.summary, usage_line(command));
  if (!command.details.empty()) text += "\n" + wrap(command.details, kHelpWidth, 0);
  if (!command.arguments.empty()) text += "\narguments:\n" + option_lines(command.arguments);
  if (!command.options.empty()) text += "\noptions:\n" + option_lines(command.options);
  text += "\noptions of every command:\n" + option_lines(global_options());
  return text + fmt::format("\nexample:\n  {}\n", command.example);
}

std::string commands_markdown(const CommandTable& table) {
  std::string text =
      "# Commands\n\n"
      "Made from the table of commands (src/app/command_table.cpp); the unit tests compare the "
      "two.\n\n"
      "Every command takes the options below, prints what it has to say on stdout and what went\n"
      "wrong on stderr as `pgkeel: ...` and `HINT: ...`. With `--json` stdout holds exactly one\n"
      "JSON value (one a line with `--watch` and `-f`); an error is\n"
      "`{\"error\":{\"code\":...,\"message\":...,\"hint\":...,\"exit\":...}}` there, and stderr "
      "stays empty.\nExit codes are in [exit-codes.md](exit-codes.md), keys in\n"
      "[configuration.md](configuration.md).\n\n```\n" +
      option_lines(global_options()) + "```\n";
  const GroupSpec* last = nullptr;
  for (const auto& command : table.commands) {
    const auto* group = group_of(table, command);
    if (group != nullptr && group != last)
      text += fmt::format("\n## {}\n\n{}\n", group->name, as_sentence(group->summary));
    last = group;
    text += fmt::format("\n{} {}\n\n```\n{}\n```\n\n{}\n", group == nullptr ? "##" : "###",
                        command.name, usage_line(command), as_sentence(command.summary));
    if (!command.details.empty()) text += fmt::format("{}\n", command.details);
    auto options = command.arguments;
    options.insert(options.end(), command.options.begin(), command.options.end());
    if (!options.empty()) text += "\n```\n" + option_lines(options) + "```\n";
    text += fmt::format("\nExample: `{}`\n", command.example);
  }
  return text;
}

}  // namespace pgkeel::app
