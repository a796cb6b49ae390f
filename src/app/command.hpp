// What a command is: a row of data (name, words, options) and a function. Parsing, help and
// docs/reference/commands.md are made from the rows; command_table.cpp lists them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"
#include "app/look.hpp"
#include "base/result.hpp"

namespace pgkeel::app {

struct OptionSpec {
  std::string_view names;       ///< "--for", "-f,--follow"; of a positional argument "ID"
  std::string_view value = {};  ///< "DURATION"; empty: a flag
  std::string_view help = {};
  enum class Takes { One, Many } takes = Takes::One;
  enum class Given { Optional, Required } given = Given::Optional;
};

/// What every command understands.
struct GlobalOptions {
  std::string config_file;
  std::string state_dir;
  std::string log_format;
  std::vector<std::string> set;  ///< "key=value"
  bool json = false;
  bool no_color = false;

  /// Those that say which configuration, as words of a command line.
  [[nodiscard]] std::vector<std::string> configuration_flags() const;
};

/// One call of a command: its options as given, and where its output goes.
struct Invocation {
  GlobalOptions global;
  std::map<std::string, std::vector<std::string>> values;  ///< by long name or argument name
  std::vector<std::string> rest;                           ///< for another program (psql)
  Look look;                                               ///< of stdout

  [[nodiscard]] bool has(const std::string& name) const { return values.contains(name); }
  /// The option's value, or nothing when it was not given.
  [[nodiscard]] std::optional<std::string> value(const std::string& name) const;
  /// The configuration with the flags on top.
  [[nodiscard]] ConfigSources sources() const;
  [[nodiscard]] Result<Config> load() const;
};

struct CommandSpec {
  std::string_view name;     ///< "status", "incident show"
  std::string_view summary;  ///< one line
  std::string_view details = {};
  std::string_view example = {};
  std::vector<OptionSpec> options = {};
  std::vector<OptionSpec> arguments = {};
  /// What is handed to another program unread ("ARGS"); empty: nothing is.
  std::string_view passed_on = {};
  /// Returns the exit code, or an error that is printed with its hint.
  Result<int> (*run)(const Invocation& invocation) = nullptr;
};

/// The first word of commands with two.
struct GroupSpec {
  std::string_view name;
  std::string_view summary;
};

struct CommandTable {
  std::vector<CommandSpec> commands;
  std::vector<GroupSpec> groups;
};

[[nodiscard]] const std::vector<OptionSpec>& global_options();

}  // namespace pgkeel::app
