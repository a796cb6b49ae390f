// CLI11 parses one command's words; which command it is, help and errors are decided here, from the
// table, so that messages and suggestions are ours.
#include "app/cli.hpp"

#include <algorithm>
#include <cstdio>
#include <deque>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "app/config/nearest.hpp"
#include "app/help.hpp"
#include "app/report_error.hpp"

namespace pgkeel::app {
namespace {

using Args = std::vector<std::string>;

bool takes_value(const std::string& word) {
  return std::ranges::any_of(global_options(), [&word](const OptionSpec& option) {
    return !option.value.empty() && option.names == word;
  });
}

// Where the command's first word is: behind global options and their values.
std::size_t first_word(const Args& args, std::size_t from) {
  while (from < args.size() && args[from].starts_with('-') && args[from] != "--")
    from += takes_value(args[from]) ? 2 : 1;
  return std::min(from, args.size());
}

bool is_global(const std::string& word) {
  const auto name = word.substr(0, word.find('='));
  return std::ranges::any_of(global_options(), [&name](const OptionSpec& option) {
    return option.names == name || option.names.ends_with("," + name) ||
           option.names.starts_with(name + ",");
  });
}

// Splits off what belongs to another program: all from the first word that is not ours on.
Args cut_rest(Args& args, std::size_t from) {
  while (from < args.size() && is_global(args[from])) from += takes_value(args[from]) ? 2 : 1;
  from = std::min(from, args.size());
  const auto start = args.begin() + static_cast<std::ptrdiff_t>(from);
  Args rest(start, args.end());
  args.erase(start, args.end());
  if (!rest.empty() && rest.front() == "--") rest.erase(rest.begin());
  return rest;
}

Error unknown_command(const CommandTable& table, const std::string& words) {
  std::vector<std::string> known;
  for (const auto& command : table.commands) known.emplace_back(command.name);
  for (const auto& group : table.groups) known.emplace_back(group.name);
  const auto nearest = nearest_name(words, known);
  return Error(ErrorCode::Usage,
               nearest ? fmt::format("no command '{}', did you mean '{}'?", words, *nearest)
                       : fmt::format("no command '{}'", words))
      .with_hint("'pgkeel --help' lists the commands.");
}

struct Found {
  const CommandSpec* command = nullptr;
  std::string_view group;  // when only the first of two words was given
  std::size_t behind = 0;  // index of the first word that is not the command's name
};

const CommandSpec* find_command(const CommandTable& table, std::string_view name) {
  const auto found = std::ranges::find(table.commands, name, &CommandSpec::name);
  return found == table.commands.end() ? nullptr : &*found;
}

Result<Found> find(const CommandTable& table, const Args& args) {
  const auto at = first_word(args, 0);
  if (at == args.size()) return Found{nullptr, {}, at};
  const auto group = std::ranges::find(table.groups, args[at], &GroupSpec::name);
  if (group == table.groups.end()) {
    const auto* command = find_command(table, args[at]);
    if (command == nullptr) return fail(unknown_command(table, args[at]));
    return Found{command, {}, at + 1};
  }
  const auto next = first_word(args, at + 1);
  if (next == args.size()) return Found{nullptr, group->name, next};
  const auto words = args[at] + " " + args[next];
  if (const auto* command = find_command(table, words)) return Found{command, {}, next + 1};
  // A group's own name may be a command, too, that takes an argument: "undrop shop.public.orders".
  if (const auto* command = find_command(table, args[at])) return Found{command, {}, at + 1};
  return fail(unknown_command(table, words));
}

bool asks(const Args& args, std::string_view name, std::string_view letter = {}) {
  return std::ranges::any_of(args, [&](const std::string& word) {
    return word == name || (!letter.empty() && word == letter);
  });
}

std::string long_name(std::string_view names) {
  const auto comma = names.rfind(',');
  return std::string(comma == std::string_view::npos ? names : names.substr(comma + 1));
}

// CLI11's view of one command; the values land in `slots` until the parse is over.
class Parser {
 public:
  explicit Parser(const CommandSpec& command) : app_(std::string(command.summary)) {
    app_.set_help_flag();
    for (const auto& option : global_options()) add(option);
    for (const auto& option : command.options) add(option);
    for (const auto& argument : command.arguments) add(argument);
  }

  Result<std::map<std::string, Args>> parse(Args args) {
    std::ranges::reverse(args);  // CLI11 takes them from the back
    try {
      app_.parse(args);
    } catch (const CLI::ParseError& problem) {
      return fail(ErrorCode::Usage, problem.what());
    }
    std::map<std::string, Args> given;
    for (const auto& [name, option] : options_) {
      if (option->count() > 0) given[name] = option->results();
    }
    return given;
  }

 private:
  void add(const OptionSpec& spec) {
    const auto name = long_name(spec.names);
    const std::string names(spec.names);
    const bool positional = !names.starts_with('-');
    if (!positional && spec.value.empty()) {
      options_[name] = app_.add_flag(names);
      return;
    }
    CLI::Option* option = nullptr;
    if (spec.takes == OptionSpec::Takes::Many) {
      option = app_.add_option(names, many_.emplace_back());
      if (!positional) option->allow_extra_args(false);
    } else {
      option = app_.add_option(names, one_.emplace_back());
    }
    if (spec.given == OptionSpec::Given::Required) option->required();
    options_[name] = option;
  }

  CLI::App app_;
  std::deque<std::string> one_;
  std::deque<Args> many_;
  std::map<std::string, CLI::Option*> options_;
};

GlobalOptions take_globals(std::map<std::string, Args>& given) {
  const auto one = [&given](const std::string& name) {
    const auto found = given.find(name);
    return found == given.end() ? std::string() : found->second.back();
  };
  GlobalOptions global;
  global.config_file = one("--config");
  global.state_dir = one("--state-dir");
  global.log_format = one("--log-format");
  if (given.contains("--set")) global.set = given["--set"];
  global.json = given.contains("--json");
  global.no_color = given.contains("--no-color");
  for (const auto& option : global_options()) given.erase(long_name(option.names));
  return global;
}

}  // namespace

Result<std::variant<ParsedCommand, ParsedText>> parse_command_line(
    const CommandTable& table, const std::vector<std::string>& args) {
  using Parsed = std::variant<ParsedCommand, ParsedText>;
  TRY(found, find(table, args));
  auto own = args;
  ParsedCommand parsed{found.command, {}};
  if (found.command != nullptr && !found.command->passed_on.empty())
    parsed.invocation.rest = cut_rest(own, found.behind);
  if (asks(own, "--help", "-h")) {
    if (found.command != nullptr) return Parsed(ParsedText{command_help_text(*found.command)});
    if (!found.group.empty()) return Parsed(ParsedText{group_help_text(table, found.group)});
    return Parsed(ParsedText{help_text(table)});
  }
  if (found.command == nullptr && asks(own, "--version"))
    return Parsed(ParsedText{"pgkeel " PGKEEL_VERSION "\n"});
  if (found.command == nullptr) {
    const auto name =
        found.group.empty() ? std::string("pgkeel") : fmt::format("pgkeel {}", found.group);
    return fail(Error(ErrorCode::Usage, fmt::format("{} needs a command", name))
                    .with_hint(fmt::format("'{} --help' lists them.", name)));
  }
  // The command's own words are not CLI11's business.
  std::size_t words = 1 + static_cast<std::size_t>(std::ranges::count(found.command->name, ' '));
  for (auto at = first_word(own, 0); words > 0; --words, at = first_word(own, at))
    own.erase(own.begin() + static_cast<std::ptrdiff_t>(at));
  auto given = Parser(*found.command).parse(std::move(own));
  if (!given) {
    return fail(std::move(given).error().with_hint(
        fmt::format("usage: {}; 'pgkeel {} --help' has an example.", usage_line(*found.command),
                    found.command->name)));
  }
  parsed.invocation.global = take_globals(*given);
  parsed.invocation.values = std::move(*given);
  parsed.invocation.look = Look::of(STDOUT_FILENO, parsed.invocation.global.no_color);
  return Parsed(std::move(parsed));
}

int run_command_line(const CommandTable& table, const std::vector<std::string>& args) {
  const auto form = asks(args, "--json") ? ErrorForm::Json : ErrorForm::Text;
  auto parsed = parse_command_line(table, args);
  if (!parsed) return report_error(parsed.error(), form);
  if (const auto* text = std::get_if<ParsedText>(&*parsed)) {
    std::fputs(text->text.c_str(), stdout);
    return 0;
  }
  const auto& command = std::get<ParsedCommand>(*parsed);
  auto exit_code = command.command->run(command.invocation);
  if (!exit_code) {
    return report_error(exit_code.error(),
                        command.invocation.global.json ? ErrorForm::Json : ErrorForm::Text);
  }
  return std::fflush(stdout) == 0 ? *exit_code : 1;
}

}  // namespace pgkeel::app
