// A living server's log in each form it writes, read as it grows.
#include <gtest/gtest.h>
#include <algorithm>
#include <csignal>

#include "integration/pg/majors.hpp"
#include "pg/log_line.hpp"
#include "pg/log_signature.hpp"

namespace pgkeel::test {
namespace {

using pg::LogLine;
using pg::ServerLogFormat;
using pg::Signature;

class LogLive : public EveryMajor {
 protected:
  /// A server that writes every form its major has.
  [[nodiscard]] PostgresOptions logging() const {
    auto with = options();
    with.settings = {
        {"logging_collector", "on"},
        {"log_destination", GetParam() >= 15 ? "stderr,csvlog,jsonlog" : "stderr,csvlog"},
        {"log_filename", "server.log"},
        {"log_min_messages", "warning"},
        {"log_line_prefix", "%m [%p] %q%u@%d "},
        {"lc_messages", "C"},
        {"log_timezone", "UTC"}};
    return with;
  }
};
PGKEEL_FOR_EVERY_MAJOR(LogLive);

/// One form of the log, followed like `tail -f`.
class Follower {
 public:
  Follower(std::filesystem::path path, ServerLogFormat format)
      : path_(std::move(path)), reader_(format), has_states_(format != ServerLogFormat::Stderr) {}

  [[nodiscard]] bool has_states() const { return has_states_; }

  /// Reads on until some event holds; fails the test when none comes.
  template <class Test>
  LogLine await(std::string_view what, Test test) {
    std::optional<LogLine> found;
    const bool came = wait_until([&] {
      read_on();
      const auto at = std::ranges::find_if(lines_, test);
      if (at == lines_.end()) return false;
      found = *at;
      return true;
    });
    EXPECT_TRUE(came) << what << " is not in " << path_;
    return found.value_or(LogLine());
  }

  LogLine await_message(std::string_view message) {
    return await(message, [&](const LogLine& line) { return line.message.starts_with(message); });
  }
  LogLine await_signature(Signature signature) {
    return await(to_string(signature),
                 [&](const LogLine& line) { return classify(line) == signature; });
  }

 private:
  void read_on() {
    const auto text = read_file(path_);
    for (auto& line : reader_.feed(std::string_view(text).substr(read_)))
      lines_.push_back(std::move(line));
    // Quiet since the last look: what is pending is whole.
    if (text.size() == read_)
      for (auto& line : reader_.finish()) lines_.push_back(std::move(line));
    read_ = text.size();
  }

  std::filesystem::path path_;
  pg::LogReader reader_;
  bool has_states_;
  std::size_t read_ = 0;
  std::vector<LogLine> lines_;
};

std::vector<Follower> followers_of(const PostgresServer& server, int major) {
  const auto dir = server.data_dir() / "log";
  std::vector<Follower> followers;
  followers.emplace_back(dir / "server.log", ServerLogFormat::Stderr);
  followers.emplace_back(dir / "server.csv", ServerLogFormat::Csv);
  if (major >= 15) followers.emplace_back(dir / "server.json", ServerLogFormat::Json);
  return followers;
}

void expect_query_fails(const PostgresServer& server, const std::string& sql,
                        const std::string& database = "postgres") {
  EXPECT_ANY_THROW(static_cast<void>(server.rows(sql, database))) << sql;
}

TEST_P(LogLive, provoked_errors_are_read_with_their_state) {
  // Goal: D1: each form of the log gives statement, detail and SQLSTATE of what was provoked.
  PostgresServer server(logging());
  expect_query_fails(server, "select\n\t1/0 /* \"it's\", */");
  expect_query_fails(server,
                     "do $$ begin raise exception E'two\\nlines' using errcode = 'SX042', "
                     "detail = 'd', hint = 'h'; end $$");
  expect_query_fails(server, "select 1", "gone");
  for (auto& follower : followers_of(server, GetParam())) {
    const auto division = follower.await_message("division by zero");
    EXPECT_EQ(division.severity, pg::LogSeverity::Error);
    EXPECT_EQ(division.statement, "select\n\t1/0 /* \"it's\", */");
    EXPECT_EQ(division.user, "postgres");
    EXPECT_TRUE(division.at.has_value());
    const auto raised = follower.await_message("two\nlines");
    EXPECT_EQ(raised.detail, "d");
    EXPECT_EQ(raised.hint, "h");
    const auto missing = follower.await_signature(Signature::DatabaseMissing);
    EXPECT_EQ(missing.database, "gone");
    if (!follower.has_states()) continue;
    EXPECT_EQ(division.sqlstate, "22012");
    EXPECT_EQ(raised.sqlstate, "SX042");
    EXPECT_EQ(missing.sqlstate, "3D000");
  }
}

TEST_P(LogLive, a_killed_session_and_a_stop_are_named) {
  // Goal: A2 D6 K1: kill -9 of a server process, the crash recovery and the stop asked for, by
  // name.
  PostgresServer server(logging());
  std::int64_t victim = 0;
  try {
    // The session kills itself: nothing else must be found and aimed at.
    victim =
        std::stoll(server.query("select pid from pg_stat_activity where backend_type = "
                                "'autovacuum launcher'"));
    ::kill(static_cast<pid_t>(victim), SIGKILL);
  } catch (const std::exception& failure) {
    FAIL() << failure.what();
  }
  for (auto& follower : followers_of(server, GetParam())) {
    const auto killed = follower.await_signature(Signature::ProcessKilled);
    EXPECT_EQ(signature_number(Signature::ProcessKilled, killed), SIGKILL);
    EXPECT_NE(killed.message.find("(PID " + std::to_string(victim) + ")"), std::string::npos);
    follower.await_signature(Signature::Interrupted);
    follower.await_signature(Signature::RedoStarts);
  }
  ASSERT_TRUE(wait_until([&] { return server.accepts_login(); }));
  server.stop();
  for (auto& follower : followers_of(server, GetParam())) {
    follower.await_signature(Signature::ShutdownFast);
    follower.await_signature(Signature::ShutdownDone);
  }
}

}  // namespace
}  // namespace pgkeel::test
