// See options.hpp.
#include "pg/wire/options.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

namespace pgkeel::pg::wire {
namespace {

/// A letter that stands for a setting.
struct Letter {
  char letter;
  std::string_view argument;  ///< how that must begin; empty: it has none, or any
  std::string_view name;
  std::string_view value;  ///< empty: its argument
};

/// Those that set what a session may set (set_plan_disabling_options(), get_stats_option_name()).
constexpr auto kLetters = std::to_array<Letter>({
    {'e', "", "datestyle", "euro"},
    {'O', "", "allow_system_table_mods", "true"},
    {'P', "", "ignore_system_indexes", "true"},
    {'s', "", "log_statement_stats", "true"},
    {'S', "", "work_mem", ""},
    {'W', "", "post_auth_delay", ""},
    {'f', "s", "enable_seqscan", "false"},
    {'f', "i", "enable_indexscan", "false"},
    {'f', "o", "enable_indexonlyscan", "false"},
    {'f', "b", "enable_bitmapscan", "false"},
    {'f', "t", "enable_tidscan", "false"},
    {'f', "n", "enable_nestloop", "false"},
    {'f', "m", "enable_mergejoin", "false"},
    {'f', "h", "enable_hashjoin", "false"},
    {'t', "pa", "log_parser_stats", "true"},
    {'t', "pl", "log_planner_stats", "true"},
    {'t', "e", "log_executor_stats", "true"},
});
constexpr std::string_view kWithArgument = "cfStW-";

// isspace() in the C locale.
bool is_space(char c) { return std::string_view(" \t\n\v\f\r").find(c) != std::string_view::npos; }

std::string take_word(std::string_view& options) {
  std::string word;
  std::size_t at = 0;
  for (; at < options.size() && !is_space(options[at]); ++at) {
    if (options[at] != '\\') word += options[at];
    else if (++at < options.size()) word += options[at];
  }
  options.remove_prefix(std::min(at, options.size()));
  return word;
}

// ParseLongOption() of guc.c.
Result<Setting> long_option(char letter, std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos)
    return fail(ErrorCode::Malformed, fmt::format("{}{} in options requires a value",
                                                  letter == '-' ? "--" : "-c ", text));
  Setting setting{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
  std::ranges::replace(setting.name, '-', '_');
  return setting;
}

Result<Setting> setting_of(char letter, std::string_view argument) {
  if (letter == 'c' || letter == '-') return long_option(letter, argument);
  const auto found = std::ranges::find_if(kLetters, [&](const Letter& row) {
    return row.letter == letter && argument.starts_with(row.argument);
  });
  if (found == kLetters.end())
    return fail(ErrorCode::Malformed, fmt::format("switch -{}{} in options", letter, argument));
  return Setting{std::string(found->name),
                 std::string(found->value.empty() ? argument : found->value)};
}

/// Goes over words as getopt() does: letters may share a word, an argument may follow its letter or
/// be the next word.
class Switches {
 public:
  explicit Switches(std::vector<std::string> words) : words_(std::move(words)) {}

  Result<std::optional<Setting>> next() {
    if (in_word_.empty()) {
      if (at_ == words_.size()) return std::nullopt;
      in_word_ = words_[at_++];
      if (in_word_ == "--" && at_ == words_.size()) return std::nullopt;  // ends them
      if (in_word_.size() < 2 || in_word_[0] != '-' || in_word_ == "--")
        return fail(ErrorCode::Malformed, fmt::format("\"{}\" in options is no switch", in_word_));
      in_word_.remove_prefix(1);
    }
    const auto letter = in_word_[0];
    in_word_.remove_prefix(1);
    TRY(argument, argument_of(letter));
    TRY(setting, setting_of(letter, argument));
    return setting;
  }

 private:
  Result<std::string_view> argument_of(char letter) {
    if (kWithArgument.find(letter) == std::string_view::npos) return "";
    if (!in_word_.empty()) return std::exchange(in_word_, {});
    if (at_ == words_.size())
      return fail(ErrorCode::Malformed, fmt::format("switch -{} in options has no value", letter));
    return words_[at_++];
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
  std::string_view in_word_;
};

}  // namespace

std::vector<std::string> split_options(std::string_view options) {
  std::vector<std::string> words;
  while (true) {
    while (!options.empty() && is_space(options[0])) options.remove_prefix(1);
    if (options.empty()) return words;
    words.push_back(take_word(options));
  }
}

Result<std::vector<Setting>> parse_options(std::string_view options) {
  Switches switches(split_options(options));
  std::vector<Setting> settings;
  while (true) {
    TRY(setting, switches.next());
    if (!setting) return settings;
    settings.push_back(*std::move(setting));
  }
}

}  // namespace pgkeel::pg::wire
