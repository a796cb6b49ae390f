// See log_history.hpp.
#include "sense/log_history.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <ranges>

#include "runtime/files.hpp"
#include "sense/server_log.hpp"

namespace pgkeel::sense {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 64;  // of one directory; the newest count

// log_statement says "statement: ...", the extended protocol "execute NAME: ...", and with
// log_min_duration_statement a duration stands before.
std::string_view statement_of(const pg::LogLine& line) {
  std::string_view message = line.message;
  if (line.severity != pg::LogSeverity::Log) return {};
  if (message.starts_with("duration: ")) {
    const auto at = message.find("  ");
    if (at == std::string_view::npos) return {};
    message.remove_prefix(at + 2);
  }
  if (!message.starts_with("statement: ") && !message.starts_with("execute ")) return {};
  const auto colon = message.find(": ");
  return colon == std::string_view::npos ? std::string_view() : message.substr(colon + 2);
}

bool begins_with_word(std::string_view text, std::string_view word) {
  if (text.size() <= word.size()) return false;
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::ranges::equal(text.substr(0, word.size()), word, same) &&
         std::isspace(static_cast<unsigned char>(text[word.size()])) != 0;
}

bool removes_something(std::string_view statement) {
  constexpr auto kWords = std::to_array<std::string_view>({"drop", "truncate"});
  while (!statement.empty() && std::isspace(static_cast<unsigned char>(statement.front())) != 0)
    statement.remove_prefix(1);
  return std::ranges::any_of(
      kWords, [statement](std::string_view word) { return begins_with_word(statement, word); });
}

// Only the first of several: behind it may stand what is nobody's business.
Destruction to_destruction(const pg::LogLine& line, std::string_view statement) {
  statement = statement.substr(0, statement.find(';'));
  return {line.at,       line.pid,         line.user,
          line.database, line.application, std::string(statement.substr(0, kStatementShown))};
}

template <class List>
void keep_newest(List& list, std::size_t most) {
  if (list.size() <= most) return;
  list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(most));
}

void take(const std::vector<pg::LogLine>& lines, WallTime since, LogHistory& history) {
  for (const auto& line : lines) {
    if (line.at && (!history.begins || *line.at < *history.begins)) history.begins = line.at;
    if (line.at && *line.at < since) continue;
    if (auto told = ddl_of(line)) {
      if (told->at >= since) history.ddl.push_back(std::move(*told));
    } else if (const auto signature = pg::classify(line))
      history.events.push_back(to_event(*signature, line));
    else if (const auto statement = statement_of(line); removes_something(statement))
      history.destructions.push_back(to_destruction(line, statement));
  }
  history.cut = history.cut || history.events.size() > kHistoryEventsMax;
  keep_newest(history.events, kHistoryEventsMax);
  keep_newest(history.destructions, kDestructionsMax);
  keep_newest(history.ddl, kDdlTold);
}

struct LogFile {
  fs::path path;
  fs::file_time_type changed;
};

// A name with its date taken out: "postgresql-2026-11-21_000000.log" and its brothers of other days
// have one, and so have "postgresql-Sat.log" and hers. Empty for a name without a date:
// "postgresql-15-main.log" stands beside those of other clusters.
std::string undated(std::string name) {
  constexpr auto kDays =
      std::to_array<std::string_view>({"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"});
  constexpr std::ptrdiff_t kDateDigits = 6;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  bool dated = std::ranges::count_if(name, is_digit) >= kDateDigits;
  std::ranges::replace_if(name, is_digit, '#');
  for (const auto day : kDays) {
    const auto at = name.find(day);
    if (at == std::string::npos) continue;
    name.replace(at, day.size(), "@");
    dated = true;
  }
  return dated ? name : std::string();
}

// What the collector or logrotate made of the same log.
bool is_brother(const fs::path& newest, const fs::path& other) {
  if (other == newest) return true;
  if (other.filename() == newest.filename().string() + ".1") return true;
  const auto name = undated(newest.filename().string());
  return !name.empty() && undated(other.filename().string()) == name;
}

// Of the same log, not older than `since`; the newest first.
std::vector<LogFile> with_brothers(const fs::path& newest, WallTime since) {
  std::vector<LogFile> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(newest.parent_path(), error)) {
    std::error_code ignored;
    if (!is_brother(newest, entry.path()) || !entry.is_regular_file(ignored)) continue;
    const auto changed = entry.last_write_time(ignored);
    const auto wall = std::chrono::file_clock::to_sys(changed);
    if (entry.path() == newest || wall >= since) files.push_back({entry.path(), changed});
  }
  std::ranges::sort(files, std::ranges::greater{}, &LogFile::changed);
  if (files.size() > kFilesMax) files.resize(kFilesMax);
  return files;
}

}  // namespace

LogHistory log_history(pg::ServerLogFormat format, std::string_view text, WallTime since) {
  LogHistory history;
  take(pg::parse_log(format, text), since, history);
  return history;
}

LogHistory read_log_history(const fs::path& newest, WallTime since) {
  LogHistory history;
  history.source = newest.string();
  std::vector<std::string> texts;
  std::size_t left = kHistoryBytesMax;
  for (const auto& file : with_brothers(newest, since)) {
    if (left == 0) break;
    auto text = runtime::read_file_tail(file.path, left);
    if (!text) {
      if (file.path == newest) history.unavailable = text.error().message();
      continue;
    }
    left -= std::min(left, text->size());
    texts.push_back(std::move(*text));
  }
  if (texts.empty() && history.unavailable.empty())
    history.unavailable = newest.string() + " does not exist";
  history.cut = left == 0;
  const auto format = format_of(newest);
  for (const auto& text : std::views::reverse(texts))
    take(pg::parse_log(format, text), since, history);
  return history;
}

}  // namespace pgkeel::sense
