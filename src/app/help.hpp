// Help and the reference of commands, from the same rows the parser uses.
#pragma once

#include <string>
#include <string_view>

#include "app/command.hpp"

namespace pgkeel::app {

/// `pgkeel --help`.
[[nodiscard]] std::string help_text(const CommandTable& table);
/// `pgkeel incident --help`.
[[nodiscard]] std::string group_help_text(const CommandTable& table, std::string_view group);
/// `pgkeel incident show --help`, with its example.
[[nodiscard]] std::string command_help_text(const CommandSpec& command);
/// docs/reference/commands.md.
[[nodiscard]] std::string commands_markdown(const CommandTable& table);
/// "pgkeel incident show [OPTIONS] ID".
[[nodiscard]] std::string usage_line(const CommandSpec& command);

}  // namespace pgkeel::app
