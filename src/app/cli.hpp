// The command line: words to an Invocation, errors to two lines and an exit code. CLI11 stays
// inside cli.cpp.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/command.hpp"

namespace pgkeel::app {

struct ParsedCommand {
  const CommandSpec* command = nullptr;
  Invocation invocation;
};
/// --help or --version was asked for: the text to print.
struct ParsedText {
  std::string text;
};

/// Usage with the nearest known command when the words make no sense. `args` is without the
/// program's name.
[[nodiscard]] Result<std::variant<ParsedCommand, ParsedText>> parse_command_line(
    const CommandTable& table, const std::vector<std::string>& args);

/// Parses, runs, prints what went wrong; the process's exit code.
[[nodiscard]] int run_command_line(const CommandTable& table, const std::vector<std::string>& args);

}  // namespace pgkeel::app
