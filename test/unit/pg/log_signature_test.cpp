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

/// The sections of a recording: what was expected, what the server printed.
std::vector<std::pair<std::string, std::string>> sections_of(int major, const std::string& file) {
  constexpr std::string_view kMark = "### ";
  const auto text = test::recorded(major, file);
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

class RecordedWords : public testing::TestWithParam<int> {};

TEST_P(RecordedWords, every_failed_start_is_named) {
  // Goal: D5 D10 D12 D13 K12 K25 K40 K43: the words of this major mean what the table says.
  const auto failures = sections_of(GetParam(), "start_failures.log");
  EXPECT_EQ(failures.size(), 14U);
  for (const auto& [expected, said] : failures) {
    const auto names = names_of(parse_log(ServerLogFormat::Stderr, said));
    EXPECT_TRUE(std::ranges::find(names, expected) != names.end()) << expected << " not found in:\n"
                                                                   << said;
  }
}

TEST_P(RecordedWords, a_crash_and_its_recovery_are_told_step_by_step) {
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

TEST_P(RecordedWords, the_holder_of_a_lock_is_read_from_the_hint) {
  // Goal: D12 D13: the pid to look at before anything is cleared; the port another server holds.
  std::map<Signature, std::int64_t> numbers;
  for (const auto& [name, said] : sections_of(GetParam(), "start_failures.log"))
    for (const auto& line : parse_log(ServerLogFormat::Stderr, said))
      if (const auto signature = classify(line))
        if (const auto number = signature_number(*signature, line)) numbers[*signature] = *number;
  EXPECT_GT(numbers[Signature::LockFileExists], 0);
  EXPECT_EQ(numbers[Signature::LockFileExists], numbers[Signature::SocketLockExists]);
  EXPECT_GT(numbers[Signature::PortTaken], 1024);
  EXPECT_EQ(numbers[Signature::ProcessCrashed], 6) << "SIGABRT of the startup process";
}

/// What a trouble says beside its own name.
bool goes_along(std::string_view name, std::string_view trouble) {
  static const std::map<std::string_view, std::set<std::string_view>> kAlong{
      {"client_lost", {"statement_canceled"}},     // how the recording ends the statement
      {"wal_segment_removed", {"client_lost"}},    // psql does not speak replication on
      {"slot_invalidated", {"reload_requested"}},  // archiving was made to work again
      {"wal_disk_full",
       {"process_crashed", "crash_restart", "interrupted", "not_shut_down_properly", "redo_starts",
        "redo_done", "shutdown_immediate", "shutdown_done", "crash_collateral", "startup_failed",
        "not_yet_accepting"}},
      {"shared_memory_full", {"admin_termination"}},  // the other workers of the query
  };
  const auto found = kAlong.find(trouble);
  return name == trouble || (found != kAlong.end() && found->second.contains(name));
}

TEST_P(RecordedWords, every_trouble_of_a_running_server_is_named) {
  // Goal: D6 D8 K6 to K11 K14 to K17 K20 to K35 K46 K51 to K53: each by this major's own words, and
  // nothing else is seen in them.
  const auto troubles = sections_of(GetParam(), "troubles.csv");
  EXPECT_EQ(troubles.size(), 33U);
  for (const auto& [expected, said] : troubles) {
    const auto names = names_of(parse_log(ServerLogFormat::Csv, said));
    EXPECT_TRUE(std::ranges::find(names, expected) != names.end()) << expected << " not found in:\n"
                                                                   << said;
    for (const auto& name : names)
      EXPECT_TRUE(goes_along(name, expected)) << name << " found in " << expected << ":\n" << said;
  }
}

TEST_P(RecordedWords, a_log_without_states_is_understood) {
  // Goal: D4: log_line_prefix has no %e by default, so the words alone must do.
  for (const auto& [expected, said] : sections_of(GetParam(), "troubles.csv")) {
    auto lines = parse_log(ServerLogFormat::Csv, said);
    for (auto& line : lines) line.sqlstate.clear();
    const auto names = names_of(lines);
    EXPECT_TRUE(std::ranges::find(names, expected) != names.end()) << expected << " not found in:\n"
                                                                   << said;
  }
}

TEST(RecordedGerman, troubles_are_named_by_state_and_path) {
  // Goal: D8 K6 K7 K14 K20 K26 K29: a server that speaks another language is understood as far as
  // SQLSTATE and the names of files go; the rest stays unnamed instead of being named wrong.
  static const std::map<std::string_view, std::string_view> kNamedWider{
      {"connection_limit", "too_many_clients"},       {"too_many_wal_senders", "too_many_clients"},
      {"statement_timeout", "statement_canceled"},    {"out_of_locks", "out_of_memory"},
      {"database_files_missing", "database_missing"},
  };
  static const std::set<std::string_view> kUnnamed{
      "client_lost",         "hba_rejected",           "role_missing",
      "database_invalid",    "archive_command_failed", "slot_invalidated",
      "wal_segment_removed", "relation_file_missing"};
  for (const auto& [expected, said] : sections_of(15, "troubles_de.csv")) {
    const auto names = names_of(parse_log(ServerLogFormat::Csv, said));
    const auto wider = kNamedWider.find(expected);
    const auto wanted = wider == kNamedWider.end() ? std::string_view(expected) : wider->second;
    if (!kUnnamed.contains(expected))
      EXPECT_TRUE(std::ranges::find(names, wanted) != names.end()) << expected << " not found in:\n"
                                                                   << said;
    for (const auto& name : names)
      EXPECT_TRUE(name == wanted || goes_along(name, expected)) << name << " found in " << expected;
  }
}

INSTANTIATE_TEST_SUITE_P(Majors, RecordedWords, testing::ValuesIn(test::kRecordedMajors),
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
            Signature::FsyncFailed);
  EXPECT_EQ(classify(said(Error, "could not read block 3 in file \"base/1\": Input/output error")),
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

TEST(LogSignature, names_the_images_words) {
  // Goal: D1 D4 D11: what the entry point of the official images and initdb print.
  using enum LogSeverity;
  EXPECT_EQ(classify(said(Unknown,
                          "PostgreSQL Database directory appears to contain a database; Skipping "
                          "initialization")),
            Signature::InitSkipped);
  EXPECT_EQ(classify(said(Unknown,
                          "Error: in 18+, these Docker images are configured to store database "
                          "data in a format which is compatible with \"pg_ctlcluster\"")),
            Signature::MountPathOld);
  EXPECT_EQ(classify(said(Unknown,
                          "initdb: error: directory \"/var/lib/postgresql/data\" exists but is not "
                          "empty")),
            Signature::DirNotEmpty);
}

struct Rare {
  Signature signature;
  LogSeverity severity;
  std::string sqlstate;
  std::string words;
};

TEST(LogSignature, names_what_is_rare) {
  // Goal: D9 K13 K19 K30 K35 to K39 K41 to K45 K47 K49 K50 K55: the words of the sources of 13 to
  // 18, where no recording can be made at will.
  using enum LogSeverity;
  const std::vector<Rare> rows = {
      {Signature::CollationMismatch, Warning, "01000",
       "database \"shop\" has a collation version mismatch"},
      {Signature::RedoMissing, Fatal, "",
       "could not find redo location 0/2000028 referenced by checkpoint record at 0/2000060"},
      {Signature::RedoMissing, Panic, "", "could not locate required checkpoint record"},
      {Signature::ReadOnlyFileSystem, Error, "42501",
       "could not open file \"base/5/16384\": Read-only file system"},
      {Signature::RecoveryConflict, Error, "40001",
       "canceling statement due to conflict with recovery"},
      {Signature::CrashCollateral, Warning, "57P02",
       "terminating connection because of crash of another server process"},
      {Signature::OutOfMemory, Error, "53200", "out of memory"},
      {Signature::ForkFailed, Log, "",
       "could not fork new process for connection: Resource temporarily unavailable"},
      {Signature::MemoryUnavailable, Fatal, "",
       "could not map anonymous shared memory: Cannot allocate memory"},
      {Signature::WraparoundNear, Warning, "",
       "database \"shop\" must be vacuumed within 10985967 transactions"},
      {Signature::WraparoundStop, Error, "54000",
       "database is not accepting commands to avoid wraparound data loss in database \"shop\""},
      {Signature::ForeignSystem, Fatal, "",
       "database system identifier differs between the primary and standby"},
      {Signature::TimelineDiverged, Fatal, "",
       "requested timeline 2 is not a child of this server's history"},
      {Signature::CertificateKeyOpen, Fatal, "F0000",
       "private key file \"server.key\" has group or world access"},
      {Signature::CertificateUnreadable, Fatal, "F0000",
       "could not load server certificate file \"server.crt\": No such file or directory"},
      {Signature::TlsFailed, Log, "",
       "could not accept SSL connection: sslv3 alert certificate expired"},
      {Signature::ConfigErrors, Fatal, "F0000",
       "configuration file \"/etc/postgresql.conf\" contains errors"},
      {Signature::HbaUnreadable, Fatal, "", "could not load /etc/postgresql/15/main/pg_hba.conf"},
      {Signature::LibraryMissing, Fatal, "58P01",
       "could not access file \"timescaledb\": No such file or directory"},
      {Signature::StandbySettingsLow, Fatal, "",
       "recovery aborted because of insufficient parameter settings"},
      {Signature::WalSenderTimeout, Log, "",
       "terminating walsender process due to replication timeout"},
      {Signature::TargetNotReached, Fatal, "",
       "recovery ended before configured recovery target was reached"},
      {Signature::BackupWalMissing, Fatal, "", "WAL ends before end of online backup"},
      {Signature::TooManyOpenFiles, Log, "",
       "out of file descriptors: Too many open files; release and retry"},
      {Signature::NoListenSockets, Fatal, "", "could not create any TCP/IP sockets"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(classify(said(row.severity, row.words, row.sqlstate)), row.signature) << row.words;
}

TEST(LogSignature, a_transactions_state_that_cannot_be_written_is_no_damage) {
  // Goal: K6 K17: the same words for a lost file and for a full disk; the DETAIL tells them apart,
  // where the line carries no SQLSTATE too.
  const auto of_detail = [](std::string detail, std::string sqlstate) {
    auto line =
        said(LogSeverity::Error, "could not access status of transaction 0", std::move(sqlstate));
    line.detail = std::move(detail);
    return classify(line);
  };
  for (const auto* lost : {"Could not open file \"pg_xact/0000\": No such file or directory.",
                           "Could not read from file \"pg_xact/0000\" at offset 8192: read too "
                           "few bytes."})
    EXPECT_EQ(of_detail(lost, ""), Signature::TransactionStatusMissing) << lost;
  EXPECT_EQ(of_detail("Could not open file \"pg_xact/0000\": No such file or directory.", "58P01"),
            Signature::TransactionStatusMissing);
  EXPECT_EQ(of_detail("", "58P01"), Signature::TransactionStatusMissing) << "terse";
  EXPECT_EQ(
      of_detail("Could not read from file \"pg_xact/0000\" at offset 0: Input/output error.", ""),
      Signature::InputOutputError);
  for (const auto* sqlstate : {"", "53100"})
    EXPECT_EQ(of_detail("Could not write to file \"pg_subtrans/0002\" at offset 65536: No space "
                        "left on device.",
                        sqlstate),
              Signature::DiskFull);
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

TEST(LogSignature, a_statement_is_no_word_of_the_server) {
  // Goal: A2: what log_statement repeats, a table named like a log line, a function that raises
  // what the server says when its disk is full: none of it is taken for the server's own word.
  using enum LogSeverity;
  EXPECT_EQ(classify(said(Log, "statement: select 'No space left on device'")), std::nullopt);
  EXPECT_EQ(classify(said(Log, "duration: 3.1 ms  statement: -- received fast shutdown request")),
            std::nullopt);
  EXPECT_EQ(classify(said(Log, "Anweisung: select 'received fast shutdown request'")),
            std::nullopt);
  EXPECT_EQ(classify(said(Error, "relation \"could not fsync file \" does not exist", "42P01")),
            Signature::RelationMissing);
  EXPECT_EQ(classify(said(Error, "syntax error at or near \"No space left on device\"", "42601")),
            std::nullopt);
  EXPECT_EQ(classify(said(Error, "x: No space left on device", "P0001")), std::nullopt);
}

TEST(LogSignature, another_programs_full_disk_is_not_the_servers) {
  // Goal: K6 K8: what archive_command prints goes to the same file, in no form of the server's.
  EXPECT_EQ(classify(said(LogSeverity::Unknown,
                          "cp: error writing '/archive/1': No space left on device")),
            std::nullopt);
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
    const auto behind = row.then.empty() ? std::string() : " x " + std::string(row.then);
    const auto line = said(row.least, std::string(row.first) + behind, std::string(row.sqlstate),
                           std::string(row.detail));
    EXPECT_EQ(classify(line), row.signature) << row.name << ": " << row.first;
  }
}

}  // namespace
}  // namespace pgkeel::pg
