// The server's log in its three forms: recorded from real servers, fed in pieces, cut and garbled.
#include "pg/log_line.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <map>
#include <ostream>

#include "unit/pg/recorded.hpp"

namespace pgkeel::pg {
namespace {

using test::recorded;

struct Recording {
  int major;
  ServerLogFormat format;
  std::string file;
};

std::vector<Recording> recordings() {
  std::vector<Recording> all;
  for (const int major : test::kRecordedMajors) {
    all.push_back({major, ServerLogFormat::Stderr, "server.log"});
    all.push_back({major, ServerLogFormat::Csv, "server.csv"});
    if (major >= 15) all.push_back({major, ServerLogFormat::Json, "server.json"});
  }
  return all;
}

class RecordedLog : public testing::TestWithParam<Recording> {
 protected:
  std::string text_ = recorded(GetParam().major, GetParam().file);
  bool has_states_ = GetParam().format != ServerLogFormat::Stderr;
};

const LogLine& line_with(const std::vector<LogLine>& lines, std::string_view message) {
  static const LogLine kNone;
  const auto found = std::ranges::find_if(
      lines, [&](const LogLine& line) { return line.message.starts_with(message); });
  if (found != lines.end()) return *found;
  ADD_FAILURE() << "no line says: " << message;
  return kNone;
}

std::vector<LogLine> by_process(const std::vector<LogLine>& lines) {
  std::multimap<pid_t, LogLine> sorted;
  for (const auto& line : lines) sorted.emplace(line.pid, line);
  std::vector<LogLine> out;
  for (auto& [pid, line] : sorted) out.push_back(std::move(line));
  return out;
}

TEST_P(RecordedLog, provoked_errors_read_back_whole) {
  // Goal: D1: severity, state, who, and the statement with its newlines, tabs and quotes.
  const auto lines = parse_log(GetParam().format, text_);
  const auto& division = line_with(lines, "division by zero");
  EXPECT_EQ(division.severity, LogSeverity::Error);
  EXPECT_EQ(division.statement, "select 1/0");
  EXPECT_EQ(division.user, "postgres");
  EXPECT_EQ(division.database, "postgres");
  EXPECT_GT(division.pid, 0);
  EXPECT_TRUE(division.at.has_value());
  if (has_states_) EXPECT_EQ(division.sqlstate, "22012");
  const auto& relation = line_with(lines, "relation \"nowhere\" does not exist");
  EXPECT_EQ(relation.statement, "select\n\t'a \"quoted\" word',\n missing from nowhere");
  const auto& raised = line_with(lines, "two\nlines");
  EXPECT_EQ(raised.detail, "a, detail");
  EXPECT_EQ(raised.hint, "a \"hint\"");
  EXPECT_EQ(raised.context, "PL/pgSQL function inline_code_block line 1 at RAISE");
  EXPECT_TRUE(raised.statement.starts_with("do $$ begin raise exception 'two\nlines'"));
  if (has_states_) {
    EXPECT_EQ(raised.sqlstate, "SX042");
    EXPECT_EQ(raised.application, "psql");
    EXPECT_EQ(raised.backend_type, "client backend");
  }
  EXPECT_EQ(line_with(lines, "database \"gone\" does not exist").database, "gone");
  EXPECT_EQ(line_with(lines, "database \"gone\" does not exist").severity, LogSeverity::Fatal);
}

TEST_P(RecordedLog, nothing_is_left_unread) {
  // Goal: every event of a real log has a time, a process and a severity.
  const auto lines = parse_log(GetParam().format, text_);
  EXPECT_GT(lines.size(), 15U);
  for (const auto& line : lines) {
    EXPECT_NE(line.severity, LogSeverity::Unknown) << line.message;
    EXPECT_TRUE(line.at.has_value()) << line.message;
    EXPECT_GT(line.pid, 0) << line.message;
    EXPECT_FALSE(line.message.empty());
  }
}

TEST_P(RecordedLog, pieces_of_any_size_give_the_same_events) {
  // Goal: a log that grows while it is read loses and doubles nothing.
  const auto whole = parse_log(GetParam().format, text_);
  for (const std::size_t size : {1U, 7U, 100U, 4096U}) {
    LogReader reader(GetParam().format);
    std::vector<LogLine> lines;
    for (std::size_t at = 0; at < text_.size(); at += size) {
      for (auto& line : reader.feed(std::string_view(text_).substr(at, size)))
        lines.push_back(std::move(line));
    }
    for (auto& line : reader.finish()) lines.push_back(std::move(line));
    ASSERT_EQ(lines.size(), whole.size()) << "pieces of " << size;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      EXPECT_EQ(lines[i].message, whole[i].message);
      EXPECT_EQ(lines[i].statement, whole[i].statement);
    }
  }
}

TEST_P(RecordedLog, the_three_forms_tell_the_same_story) {
  // Goal: the same messages in the same order of each process, whichever form is read.
  // Two processes that write in the same millisecond may be in another order in another file.
  const auto lines = by_process(parse_log(GetParam().format, text_));
  const auto csv =
      by_process(parse_log(ServerLogFormat::Csv, recorded(GetParam().major, "server.csv")));
  ASSERT_EQ(lines.size(), csv.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_TRUE(lines[i].message.starts_with(csv[i].message)) << lines[i].message;
    EXPECT_EQ(lines[i].severity, csv[i].severity);
    EXPECT_EQ(lines[i].pid, csv[i].pid);
    EXPECT_EQ(lines[i].at, csv[i].at);
  }
}

void PrintTo(const Recording& recording, std::ostream* out) {
  *out << recording.file << " of " << recording.major;
}

std::string recording_name(const testing::TestParamInfo<Recording>& info) {
  constexpr std::string_view kForms[] = {"stderr", "csv", "json"};
  return std::string(kForms[static_cast<std::size_t>(info.param.format)]) + "_of_" +
         std::to_string(info.param.major);
}
INSTANTIATE_TEST_SUITE_P(All, RecordedLog, testing::ValuesIn(recordings()), recording_name);

LogLine only(ServerLogFormat format, std::string_view text) {
  auto lines = parse_log(format, text);
  EXPECT_EQ(lines.size(), 1U) << text;
  return lines.empty() ? LogLine() : lines.front();
}

TEST(StderrLog, reads_the_prefixes_people_set) {
  // Goal: Debian's, PostgreSQL's, RDS's and pgBadger's prefixes, and one with a state.
  const auto debian =
      only(ServerLogFormat::Stderr, "2026-11-21 03:44:35.991 UTC [42] me@corp@shop ERROR:  x\n");
  EXPECT_EQ(debian.user, "me@corp");
  EXPECT_EQ(debian.database, "shop");
  const auto rds = only(ServerLogFormat::Stderr,
                        "2026-11-21 03:44:35 UTC:10.0.0.1(42601):app@shop:[42]:FATAL:  x\n");
  EXPECT_EQ(rds.pid, 42);
  EXPECT_EQ(rds.user, "app");
  EXPECT_EQ(rds.severity, LogSeverity::Fatal);
  EXPECT_TRUE(rds.at.has_value());
  EXPECT_EQ(rds.sqlstate, "") << "a client's port is no state";
  const auto badger = only(ServerLogFormat::Stderr,
                           "2026-11-21 03:44:35 UTC [42]: user=app,db=shop,app=my app,client=h "
                           "LOG:  x\n");
  EXPECT_EQ(badger.user, "app");
  EXPECT_EQ(badger.application, "my app");
  const auto state =
      only(ServerLogFormat::Stderr, "2026-11-21 03:44:35 UTC [42] 53100 PANIC:  x\n");
  EXPECT_EQ(state.sqlstate, "53100");
  const auto bare = only(ServerLogFormat::Stderr, "LOG:  x\n");
  EXPECT_EQ(bare.severity, LogSeverity::Log);
  EXPECT_FALSE(bare.at.has_value());
}

TEST(StderrLog, a_pid_that_looks_like_a_state_stays_a_pid) {
  // Goal: process 22023 does not become an invalid parameter value.
  const auto line = only(ServerLogFormat::Stderr, "2026-11-21 03:44:35 UTC [22023] LOG:  x\n");
  EXPECT_EQ(line.pid, 22023);
  EXPECT_EQ(line.sqlstate, "");
}

TEST(StderrLog, a_localized_word_is_kept_as_unknown) {
  // Goal: a German or Russian server's lines keep time, process and text; only the word is lost.
  const auto line =
      only(ServerLogFormat::Stderr, "2026-11-21 03:44:35 UTC [42] ОШИБКА:  деление на ноль\n");
  EXPECT_EQ(line.severity, LogSeverity::Unknown);
  EXPECT_EQ(line.pid, 42);
  EXPECT_EQ(line.message, "деление на ноль");
}

TEST(StderrLog, a_detail_of_another_process_is_not_taken) {
  // Goal: two processes that write at once do not lend each other their hints.
  const auto lines = parse_log(ServerLogFormat::Stderr,
                               "2026-11-21 03:44:35 UTC [1] ERROR:  mine\n"
                               "2026-11-21 03:44:35 UTC [2] DETAIL:  not mine\n");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].detail, "");
  EXPECT_EQ(lines[1].message, "not mine");
}

TEST(StderrLog, what_is_no_log_line_is_kept_as_text) {
  // Goal: what the server or a shell prints before logging begins is not lost.
  const auto line = only(ServerLogFormat::Stderr, "postgres: could not find the database system");
  EXPECT_EQ(line.severity, LogSeverity::Unknown);
  EXPECT_EQ(line.message, "postgres: could not find the database system");
}

TEST(StderrLog, an_event_ends_where_the_next_begins) {
  // Goal: an event is given once, with all its parts, and finish() gives the last one.
  LogReader reader(ServerLogFormat::Stderr);
  EXPECT_TRUE(reader.feed("[1] ERROR:  a\n[1] DETAIL:  b\n\tc\n").empty());
  const auto first = reader.feed("[1] LOG:  next\n");
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].detail, "b\nc");
  EXPECT_EQ(reader.finish().size(), 1U);
  EXPECT_TRUE(reader.finish().empty());
}

constexpr std::string_view kCsv =
    "2026-11-21 03:44:35.991 UTC,\"u\",\"d\",7,\"[local]\",x.1,1,\"SELECT\",2026-11-21 03:44:35 "
    "UTC,0/2,0,ERROR,22012,\"m\",,,,,,,,,\"psql\"";

TEST(CsvLog, reads_13_and_14_and_a_half_written_record) {
  // Goal: the column count is not the form's identity; an unfinished line waits.
  EXPECT_EQ(only(ServerLogFormat::Csv, std::string(kCsv) + ",\"client backend\"\n").backend_type,
            "client backend");
  EXPECT_EQ(only(ServerLogFormat::Csv, std::string(kCsv) + ",\"client backend\",,0\n").sqlstate,
            "22012");
  LogReader reader(ServerLogFormat::Csv);
  EXPECT_TRUE(reader.feed(kCsv).empty());
  EXPECT_EQ(reader.feed("\n").size(), 1U);
}

TEST(CsvLog, opened_in_the_middle_it_finds_the_next_record) {
  // Goal: a tail that starts inside a statement with a lone quote loses that record only.
  const auto lines = parse_log(ServerLogFormat::Csv,
                               "it's a \"half statement\nmore\",,,\n" + std::string(kCsv) + "\n");
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back().message, "m");
  EXPECT_EQ(lines.back().severity, LogSeverity::Error);
}

TEST(JsonLog, forgives_bytes_that_are_no_utf8_and_lines_that_are_no_json) {
  // Goal: a SQL_ASCII database's error still has its state; garbage is text.
  const auto line = only(ServerLogFormat::Json,
                         "{\"error_severity\":\"ERROR\",\"state_code\":\"22021\",\"message\":\""
                         "bad \xFF byte\"}\n");
  EXPECT_EQ(line.sqlstate, "22021");
  EXPECT_EQ(line.message, "bad ? byte");
  EXPECT_EQ(only(ServerLogFormat::Json, "not json\n").message, "not json");
  EXPECT_EQ(only(ServerLogFormat::Json, "[[[[[[[[1]]]]]]]]\n").severity, LogSeverity::Unknown);
  EXPECT_EQ(only(ServerLogFormat::Json, "{\"pid\":\"x\",\"message\":5}\n").message, "");
}

TEST(LogReader, an_endless_line_is_cut_and_what_follows_is_read) {
  // Goal: no form holds more than its limit of one event, and each goes on behind it.
  const std::string flood(3 * kLogLineBytesMax, 'x');
  const std::string next_csv = std::string(kCsv) + "\n";
  const struct {
    ServerLogFormat format;
    std::string text;
  } cases[] = {
      {ServerLogFormat::Stderr, "[1] ERROR:  " + flood + "\n[1] ERROR:  m\n"},
      {ServerLogFormat::Csv, "2026-11-21 03:44:35.991 UTC,,,7,,x,1,,,,0,ERROR,22012,\"" + flood +
                                 "\n" + flood + "\",,\n" + next_csv},
      {ServerLogFormat::Json, "{\"error_severity\":\"ERROR\",\"message\":\"" + flood +
                                  "\"}\n{\"error_severity\":\"ERROR\",\"message\":\"m\"}\n"},
  };
  for (const auto& one : cases) {
    const auto lines = parse_log(one.format, one.text);
    ASSERT_GE(lines.size(), 2U);
    EXPECT_EQ(lines.front().severity, LogSeverity::Error);
    EXPECT_LE(lines.front().message.size(), kLogLineBytesMax);
    EXPECT_TRUE(lines.front().message.starts_with("xxxx"));
    EXPECT_EQ(lines.back().message, "m");
  }
}

TEST(LogReader, many_continuation_lines_are_bounded_too) {
  // Goal: an event of endless small lines is cut like one endless line.
  std::string text = "[1] ERROR:  m\n";
  for (std::size_t i = 0; i < kLogLineBytesMax / 64; ++i)
    text += "\t" + std::string(100, 'x') + "\n";
  const auto lines = parse_log(ServerLogFormat::Stderr, text);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_LE(lines[0].message.size(), kLogLineBytesMax);
}

TEST(StderrLog, only_the_front_of_a_line_is_searched_for_a_prefix) {
  // Goal: a line of nothing but brackets or markers costs no more than its length.
  const auto brackets = only(ServerLogFormat::Stderr, std::string(kLogLineBytesMax, '['));
  EXPECT_EQ(brackets.severity, LogSeverity::Unknown);
  const auto far = only(ServerLogFormat::Stderr, std::string(2000, '[') + " ERROR:  x\n");
  EXPECT_EQ(far.severity, LogSeverity::Unknown);
}

TEST(LogTime, reads_offsets_and_refuses_names) {
  // Goal: a fixed offset is a time; the name of a zone is not, because it has two.
  const auto utc = parse_log_time("2026-11-21 03:44:35.991 UTC");
  ASSERT_TRUE(utc.has_value());
  EXPECT_EQ(to_iso8601(*utc), "2026-11-21T03:44:35.991Z");
  EXPECT_EQ(parse_log_time("2026-11-21 03:44:35.991 GMT"), utc);
  EXPECT_EQ(parse_log_time("2026-11-21 05:44:35.991 +02"), utc);
  EXPECT_EQ(parse_log_time("2026-11-20 22:14:35.991 -0530"), utc);
  EXPECT_EQ(parse_log_time("2026-11-21 09:14:35.991 +05:30"), utc);
  for (const auto* text : {"", "2026-11-21 03:44:35", "2026-11-21 03:44:35 CET",
                           "2026-11-21 03:44:35 +99", "2026-13-21 03:44:35 UTC"})
    EXPECT_EQ(parse_log_time(text), std::nullopt) << text;
}

// This process in another zone, for as long as it lives.
class InZone {
 public:
  explicit InZone(const char* zone) {
    if (const char* before = std::getenv("TZ")) before_ = before;
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~InZone() {
    if (before_) ::setenv("TZ", before_->c_str(), 1);
    else ::unsetenv("TZ");
    ::tzset();
  }
  InZone(const InZone&) = delete;
  InZone& operator=(const InZone&) = delete;

 private:
  std::optional<std::string> before_;
};

TEST(LogTime, reads_the_names_of_the_machines_own_zone) {
  // Goal: initdb writes the machine's zone into log_timezone, and most machines are not in UTC:
  // winter and summer by their names, another zone's name is not guessed.
  const InZone berlin("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(parse_log_time("2026-11-21 03:44:35.991 CET"),
            parse_log_time("2026-11-21 02:44:35.991 UTC"));
  EXPECT_EQ(parse_log_time("2026-07-01 03:44:35 CEST"), parse_log_time("2026-07-01 01:44:35 UTC"));
  EXPECT_EQ(parse_log_time("2026-10-25 02:30:00 CEST"), parse_log_time("2026-10-25 00:30:00 UTC"));
  EXPECT_EQ(parse_log_time("2026-10-25 02:30:00 CET"), parse_log_time("2026-10-25 01:30:00 UTC"));
  EXPECT_EQ(parse_log_time("2026-11-21 03:44:35 EST"), std::nullopt);
}

}  // namespace
}  // namespace pgkeel::pg
