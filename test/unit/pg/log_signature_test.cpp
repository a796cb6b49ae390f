// What real servers of six majors say when they cannot start, each line named; and the rows that no
// recording has, from the reference.
#include "pg/log_signature.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <map>
#include <set>

#include "unit/pg/recorded.hpp"

namespace pgkeel::pg {
namespace {

std::vector<std::string> names_of(const std::vector<LogLine>& lines) {
  std::vector<std::string> names;
  for (const auto& line : lines)
    if (const auto signature = classify(line)) names.emplace_back(to_string(*signature));
  return names;
}

/// The sections of start_failures.log: what was expected, what the server printed.
std::vector<std::pair<std::string, std::string>> failures_of(int major) {
  constexpr std::string_view kMark = "### ";
  const auto text = test::recorded(major, "start_failures.log");
  std::vector<std::pair<std::string, std::string>> sections;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto line_end = text.find('\n', at);
    const auto next = std::min(text.find("\n### ", line_end - 1), text.size() - 1) + 1;
    sections.emplace_back(text.substr(at + kMark.size(), line_end - at - kMark.size()),
                          text.substr(line_end + 1, next - line_end - 1));
    at = next;
  }
  return sections;
}

class RecordedStarts : public testing::TestWithParam<int> {};

TEST_P(RecordedStarts, every_failed_start_is_named) {
  // Goal: D5 D10 D12 D13 K12 K25 K40 K43: the words of this major mean what the table says.
  const auto failures = failures_of(GetParam());
  EXPECT_EQ(failures.size(), 14U);
  for (const auto& [expected, said] : failures) {
    const auto names = names_of(parse_log(ServerLogFormat::Stderr, said));
    EXPECT_TRUE(std::ranges::find(names, expected) != names.end()) << expected << " not found in:\n"
                                                                   << said;
  }
}

TEST_P(RecordedStarts, a_crash_and_its_recovery_are_told_step_by_step) {
  // Goal: A2 K1 K3 K5 D15: from the killed process to ready, in the order it happened.
  const auto names =
      names_of(parse_log(ServerLogFormat::Csv, test::recorded(GetParam(), "server.csv")));
  auto at = names.begin();
  for (const auto* expected :
       {"starting", "was_shut_down", "ready", "process_killed", "crash_restart", "interrupted",
        "not_shut_down_properly", "redo_starts", "redo_done", "ready", "shutdown_fast",
        "shutdown_done"}) {
    at = std::find(at, names.end(), expected);
    ASSERT_TRUE(at != names.end()) << expected;
  }
}

TEST_P(RecordedStarts, the_holder_of_a_lock_is_read_from_the_hint) {
  // Goal: D12 D13: the pid to look at before anything is cleared; the port another server holds.
  std::map<Signature, std::int64_t> numbers;
  for (const auto& [name, said] : failures_of(GetParam()))
    for (const auto& line : parse_log(ServerLogFormat::Stderr, said))
      if (const auto signature = classify(line))
        if (const auto number = signature_number(*signature, line)) numbers[*signature] = *number;
  EXPECT_GT(numbers[Signature::LockFileExists], 0);
  EXPECT_EQ(numbers[Signature::LockFileExists], numbers[Signature::SocketLockExists]);
  EXPECT_GT(numbers[Signature::PortTaken], 1024);
  EXPECT_EQ(numbers[Signature::ProcessCrashed], 6) << "SIGABRT of the startup process";
}

INSTANTIATE_TEST_SUITE_P(Majors, RecordedStarts, testing::ValuesIn(test::kRecordedMajors),
                         [](const auto& info) { return "of_" + std::to_string(info.param); });

LogLine said(LogSeverity severity, std::string message, std::string sqlstate = "",
             std::string detail = "") {
  LogLine line;
  line.severity = severity;
  line.message = std::move(message);
  line.sqlstate = std::move(sqlstate);
  line.detail = std::move(detail);
  return line;
}

TEST(LogSignature, tells_the_full_disks_apart) {
  // Goal: D8 K6 K7: 53100 always splits into data, pg_wal and /dev/shm.
  using enum LogSeverity;
  EXPECT_EQ(classify(said(Error, "could not extend file \"base/1/2\": No space left on device")),
            Signature::DiskFull);
  EXPECT_EQ(classify(said(Panic,
                          "could not write to file \"pg_wal/xlogtemp.9\": No space left on "
                          "device",
                          "53100")),
            Signature::WalDiskFull);
  EXPECT_EQ(classify(said(Error,
                          "could not resize shared memory segment \"/PostgreSQL.1\" to 8 "
                          "bytes: No space left on device",
                          "53100")),
            Signature::SharedMemoryFull);
}

TEST(LogSignature, tells_a_lost_database_from_lost_files) {
  // Goal: K20 K21 K22: the DETAIL decides.
  using enum LogSeverity;
  const std::string missing = "database \"shop\" does not exist";
  EXPECT_EQ(classify(said(Fatal, missing, "3D000")), Signature::DatabaseMissing);
  EXPECT_EQ(
      classify(said(Fatal, missing, "3D000", "The database subdirectory \"base/5\" is missing.")),
      Signature::DatabaseFilesMissing);
  EXPECT_EQ(classify(said(Fatal, "cannot connect to invalid database \"shop\"")),
            Signature::DatabaseInvalid);
}

TEST(LogSignature, knows_what_no_recording_has) {
  // Goal: D2 D10 D12 K2 K4 K18 K26 and the children of a dead postmaster, by the server's words.
  using enum LogSeverity;
  EXPECT_EQ(classify(said(Fatal, "pre-existing shared memory block (key 1, ID 2) is still in use")),
            Signature::SharedMemoryInUse);
  EXPECT_EQ(classify(said(Fatal, "data directory \"/d\" has wrong ownership")),
            Signature::WrongOwner);
  EXPECT_EQ(classify(said(Fatal, "lock file \"postmaster.pid\" is empty")),
            Signature::LockFileBroken);
  EXPECT_EQ(classify(said(Log,
                          "server process (PID 9) was terminated by signal 11: Segmentation "
                          "fault")),
            Signature::ProcessCrashed);
  EXPECT_EQ(classify(said(Fatal, "terminating connection due to administrator command", "57P01")),
            Signature::AdminTermination);
  EXPECT_EQ(classify(said(Fatal, "sorry, too many clients already", "53300")),
            Signature::TooManyClients);
  EXPECT_EQ(classify(said(Panic, "could not fsync file \"base/1\": Input/output error", "58030")),
            Signature::InputOutputError);
  EXPECT_EQ(classify(said(Unknown,
                          "The files belonging to this database system will be owned by "
                          "user \"postgres\".")),
            Signature::InitdbRan);
  EXPECT_EQ(classify(said(Log,
                          "performing immediate shutdown because data directory lock file is "
                          "invalid")),
            Signature::PidFileLost);
}

TEST(LogSignature, a_session_cannot_forge_the_servers_words) {
  // Goal: what an application provokes at ERROR is no failed start of the server.
  using enum LogSeverity;
  EXPECT_EQ(classify(said(Error, "unrecognized configuration parameter \"x\"", "42704")),
            std::nullopt);
  EXPECT_EQ(classify(said(Error, "invalid value for parameter \"work_mem\": \"x\"", "22023")),
            std::nullopt);
  EXPECT_EQ(classify(said(Error, "database system is shut down", "P0001")), std::nullopt);
  EXPECT_EQ(classify(said(Notice, "received fast shutdown request")), std::nullopt);
}

TEST(LogSignature, a_localized_message_is_named_by_its_state) {
  // Goal: SQLSTATE is enough where the text is in another language.
  using enum LogSeverity;
  EXPECT_EQ(classify(said(Fatal, "die Datenbank startet", "57P03")), Signature::NotYetAccepting);
  EXPECT_EQ(classify(said(Error, "kein Platz", "53100")), Signature::DiskFull);
  EXPECT_EQ(classify(said(Panic, "etwas Schlimmes")), Signature::ProcessCrashed);
}

TEST(LogSignature, an_ordinary_line_is_nothing) {
  // Goal: the many lines of a healthy server stay silent.
  using enum LogSeverity;
  EXPECT_EQ(classify(said(Log, "checkpoint complete: wrote 3 buffers")), std::nullopt);
  EXPECT_EQ(classify(said(Error, "division by zero", "22012")), std::nullopt);
  EXPECT_EQ(classify(LogLine()), std::nullopt);
}

TEST(LogSignature, the_table_is_in_order) {
  // Goal: one name a signature, and no row hidden behind a wider one before it.
  std::map<Signature, std::string_view> names;
  std::set<std::string_view> seen;
  for (const auto& row : signature_table()) {
    const auto [known, is_new] = names.emplace(row.signature, row.name);
    EXPECT_EQ(known->second, row.name);
    if (is_new) EXPECT_TRUE(seen.insert(row.name).second) << row.name << " names two signatures";
    if (row.first.empty()) continue;
    const auto line = said(row.least, std::string(row.first) + " x " + std::string(row.then),
                           std::string(row.sqlstate), std::string(row.detail));
    EXPECT_EQ(classify(line), row.signature) << row.name << ": " << row.first;
  }
}

}  // namespace
}  // namespace pgkeel::pg
