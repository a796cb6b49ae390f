// See server_command.hpp.
#include "instance/server_command.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>

#include "runtime/files.hpp"

namespace pgkeel::instance {
namespace {

constexpr std::size_t kOptsBytesMax = 64U << 10U;  // longer than any command line worth repeating

// libpq's variables would change the server's defaults (PGPORT, PGDATA); sd_notify's would let the
// server speak in the guard's name.
constexpr std::string_view kRemovedPrefix = "PG";  // also PGKEEL_
constexpr std::array<std::string_view, 8> kRemovedNames = {
    "DATABASE_URL", "NOTIFY_SOCKET", "LISTEN_FDS",   "LISTEN_FDNAMES",
    "LISTEN_PID",   "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM"};
constexpr std::array<std::string_view, 5> kSecretWords = {"PASSWORD", "PASSWD", "SECRET", "TOKEN",
                                                          "_KEY"};

bool is_removed(std::string_view name) {
  const auto is_part = [name](std::string_view word) {
    return name.find(word) != std::string_view::npos;
  };
  return name.starts_with(kRemovedPrefix) ||
         std::ranges::find(kRemovedNames, name) != kRemovedNames.end() ||
         std::ranges::any_of(kSecretWords, is_part);
}

// `"-D" "/path with blanks" "-c" ...`: quotes around each, and none inside is escaped.
std::vector<std::string> split_quoted(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const auto open = text.find('"');
    if (open == std::string_view::npos) return words;
    auto close = text.find("\" \"", open + 1);
    if (close == std::string_view::npos) close = text.rfind('"');
    if (close == std::string_view::npos || close <= open) return words;
    words.emplace_back(text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
  }
}

bool sets_again(const ServerCommand& command, std::string_view option) {
  return std::ranges::any_of(command.settings, [option](const auto& setting) {
    return option.starts_with(setting.first + "=");
  });
}

// Earlier options less those given anew: otherwise each restart would make the line longer.
void append_options(std::vector<std::string>& line, const ServerCommand& command) {
  const auto& options = command.options;
  for (std::size_t at = 0; at < options.size(); ++at) {
    const bool pair = options[at] == "-c" && at + 1 < options.size();
    if (pair && sets_again(command, options[at + 1])) ++at;
    else line.push_back(options[at]);
  }
}

bool is_data_dir_option(std::string_view word) { return word.starts_with("-D"); }

}  // namespace

std::vector<std::string> parse_postmaster_opts(std::string_view text) {
  if (const auto end = text.find('\n'); end != std::string_view::npos) text = text.substr(0, end);
  std::vector<std::string> options;
  const std::vector<std::string> words = split_quoted(text);
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (words[at] == "-D") ++at;  // and its value
    else if (!is_data_dir_option(words[at])) options.push_back(words[at]);
  }
  return options;
}

std::optional<std::filesystem::path> config_file_in(std::span<const std::string> options) {
  constexpr std::array<std::string_view, 3> kForms = {
      "config_file=", "--config_file=", "--config-file="};
  std::optional<std::filesystem::path> found;
  for (const std::string& option : options)
    for (const std::string_view form : kForms)
      if (option.starts_with(form)) found = option.substr(form.size());
  return found;
}

ServerCommand with_earlier_options(ServerCommand command, EarlierOptions earlier) {
  if (earlier == EarlierOptions::Ignore) return command;
  const auto text = runtime::read_file(command.data_dir / "postmaster.opts", kOptsBytesMax);
  std::vector<std::string> options = parse_postmaster_opts(text.value_or(""));
  const auto config_file = config_file_in(options);
  std::error_code error;
  if (!config_file || std::filesystem::exists(*config_file, error))
    command.options = std::move(options);
  return command;
}

std::vector<std::string> command_line(const ServerCommand& command) {
  std::vector<std::string> line = {(command.bin_dir / "postgres").string(), "-D",
                                   command.data_dir.string()};
  append_options(line, command);
  if (!command.config_file.empty() && !config_file_in(command.options))
    line.insert(line.end(), {"-c", "config_file=" + command.config_file.string()});
  for (const auto& [name, value] : command.settings)
    line.insert(line.end(), {"-c", name + "=" + value});
  return line;
}

EnvironmentChange server_environment(std::span<const char* const> ambient,
                                     std::optional<pid_t> stale_pid) {
  EnvironmentChange change;
  for (const char* entry : ambient) {
    const std::string_view text = entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (is_removed(name)) change.remove.emplace_back(name);
  }
  change.set.emplace_back("PG_OOM_ADJUST_FILE", "/proc/self/oom_score_adj");
  if (stale_pid) change.set.emplace_back("PG_GRANDPARENT_PID", std::to_string(*stale_pid));
  return change;
}

std::span<const char* const> ambient_environment() {
  std::size_t count = 0;
  while (::environ[count] != nullptr) ++count;
  return {::environ, count};
}

}  // namespace pgkeel::instance
