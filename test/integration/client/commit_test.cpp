// The moment between COMMIT and its answer: what is said about it must be true.
#include "client/transaction.hpp"
#include "integration/client/client_test.hpp"

namespace pgkeel::client {
namespace {

class CommitTest : public ClientTest {
 protected:
  explicit CommitTest(const test::PostgresOptions& options = {}) : ClientTest(options) {
    server.query("create table t (n int)");
  }

  Transaction begin(Connection& connection, TransactionOptions options = {}) {
    auto transaction = loop.run_until_complete(Transaction::begin(&connection, options, soon()));
    if (!transaction) throw std::runtime_error(transaction.error().message());
    return *std::move(transaction);
  }
  void insert(Transaction& transaction) {
    loop.run_until_complete(transaction.query("insert into t values (1)", {}, soon())).value();
  }
  DbResult<CommitReport> commit(Transaction& transaction, Millis patience = test::kPatience) {
    return loop.run_until_complete(transaction.commit(loop.after(patience)));
  }
  CommitVerdict resolve(const DbError& error, Millis patience = test::kPatience) {
    return loop.run_until_complete(
        resolve_commit(&loop, parse(server.conninfo()), *error.proof, loop.after(patience)));
  }
  std::string rows() { return server.query("select count(*) from t"); }
};

TEST_F(CommitTest, ACommitIsConfirmedWithItsXid) {
  // Goal: the ordinary case: applied, with the transaction id for whoever wants to keep it.
  Connection connection = open();
  Transaction transaction = begin(connection);
  insert(transaction);
  const auto report = commit(transaction);
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->confirmation, Confirmation::Confirmed);
  EXPECT_TRUE(report->xid.has_value());
  EXPECT_EQ(rows(), "1");
  EXPECT_FALSE(transaction.open());
}

TEST_F(CommitTest, ALostAnswerIsUnknownAndThenProvenApplied) {
  // Goal: X7 - COMMIT arrived, its answer did not: Unknown first, Applied after asking.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  Transaction transaction = begin(connection);
  insert(transaction);
  gate.arm("commit", test::GateAction::CutAnswer);
  const auto report = commit(transaction);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().outcome, Outcome::Unknown);
  EXPECT_EQ(report.error().phase, Phase::Commit);
  ASSERT_NE(report.error().proof, nullptr);
  EXPECT_EQ(resolve(report.error()).outcome, Outcome::Applied);
  EXPECT_EQ(rows(), "1");
  expect_served();
}

TEST_F(CommitTest, ALostRequestIsUnknownAndThenProvenNotApplied) {
  // Goal: X7 - COMMIT never arrived; to the client it looks the same, and the proof tells.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  Transaction transaction = begin(connection);
  insert(transaction);
  gate.arm("commit", test::GateAction::CutRequest);
  const auto report = commit(transaction);
  EXPECT_EQ(report.error().outcome, Outcome::Unknown);
  EXPECT_EQ(resolve(report.error()).outcome, Outcome::NotApplied);
  EXPECT_EQ(rows(), "0");
  expect_served();
}

TEST_F(CommitTest, AStalledRequestIsSettledByEndingTheOrphan) {
  // Goal: X7 - the server still waits in the open transaction; it is ended, so the answer is final.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  Transaction transaction = begin(connection);
  insert(transaction);
  gate.arm("commit", test::GateAction::StallRequest);
  const auto report = commit(transaction, Millis(200));
  EXPECT_EQ(report.error().error.code, ErrorCode::TimedOut);
  EXPECT_EQ(report.error().outcome, Outcome::Unknown);
  // The gate would hand the client's close on; a network that is cut would not.
  gate.stall();
  EXPECT_EQ(resolve(report.error()).outcome, Outcome::NotApplied);
  gate.resume();
  EXPECT_EQ(rows(), "0");
  expect_served();
}

TEST_F(CommitTest, AStalledAnswerIsSettledAsApplied) {
  // Goal: X7 - the deadline of COMMIT passes without an answer; no cancel is sent, it was applied.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  Transaction transaction = begin(connection);
  insert(transaction);
  gate.arm("commit", test::GateAction::StallAnswer);
  const auto report = commit(transaction, Millis(200));
  EXPECT_EQ(report.error().outcome, Outcome::Unknown);
  EXPECT_EQ(resolve(report.error()).outcome, Outcome::Applied);
  EXPECT_EQ(rows(), "1");
  expect_served();
}

TEST_F(CommitTest, AServerKilledAtCommitIsAskedWhenItIsBack) {
  // Goal: X7 A3 - the answer is lost and the server killed; after its recovery the truth is told.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  Transaction transaction = begin(connection);
  insert(transaction);
  gate.arm("commit", test::GateAction::CutAnswer);
  const auto report = commit(transaction);
  ASSERT_NE(report.error().proof, nullptr);
  server.kill9();
  std::jthread healer([this] { server.start(); });
  const CommitVerdict verdict = resolve(report.error());
  healer.join();
  EXPECT_EQ(verdict.outcome, Outcome::Applied) << verdict.reason;
  EXPECT_EQ(rows(), "1");
  expect_served();
}

class LazyWalTest : public CommitTest {
 protected:
  // The WAL writer sleeps so long that a crash loses what no commit has flushed.
  LazyWalTest() : CommitTest({.settings = {{"wal_writer_delay", "10s"}, {"autovacuum", "off"}}}) {}
};

TEST_F(LazyWalTest, AnIdGivenAwayAgainAfterACrashIsNotBelieved) {
  // Goal: X7 - the crash loses the transaction and its id; another one commits under the same id.
  // pg_xact_status alone would say "committed" here, and that would be a lie.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  Transaction transaction = begin(connection);
  insert(transaction);
  gate.arm("commit", test::GateAction::StallRequest);
  const auto report = commit(transaction, Millis(200));
  ASSERT_NE(report.error().proof, nullptr);
  server.kill9();
  server.start();
  const std::string reused = server.query(
      "begin; insert into t values (2); select pg_current_xact_id(); commit; "
      "select max(xmin::text::bigint) from t");
  ASSERT_EQ(reused, to_string(report.error().proof->xid)) << "the test did not make its case";
  EXPECT_EQ(server.query("select pg_xact_status('" + reused + "')"), "committed");
  EXPECT_EQ(resolve(report.error()).outcome, Outcome::NotApplied);
  EXPECT_EQ(rows(), "1");
  server.query("checkpoint");
  const CommitVerdict later = resolve(report.error(), Millis(2000));
  EXPECT_EQ(later.outcome, Outcome::Unknown) << "a later checkpoint hides the evidence";
  expect_served();
}

TEST_F(CommitTest, AnotherClusterIsNotBelieved) {
  // Goal: X7 X8 - a different system identifier at the same address proves nothing.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  Transaction transaction = begin(connection);
  insert(transaction);
  gate.arm("commit", test::GateAction::CutAnswer);
  auto report = commit(transaction);
  const test::PostgresServer stranger({.identity = test::Identity::Fresh});
  const auto verdict = loop.run_until_complete(resolve_commit(
      &loop, parse(stranger.conninfo()), *report.error().proof, loop.after(Millis(2000))));
  EXPECT_EQ(verdict.outcome, Outcome::Unknown);
}

TEST_F(CommitTest, AServerThatStaysAwayLeavesItUnknown) {
  // Goal: X7 - without an answer within the limit nothing is claimed, and the limit holds.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  Transaction transaction = begin(connection);
  insert(transaction);
  gate.arm("commit", test::GateAction::CutAnswer);
  const auto report = commit(transaction);
  server.stop(test::Shutdown::Immediate);
  const SteadyTime began = loop.now();
  EXPECT_EQ(resolve(report.error(), Millis(400)).outcome, Outcome::Unknown);
  EXPECT_LT(millis(loop.now() - began), Millis(2500));
  server.start();
  expect_served();
}

TEST_F(CommitTest, NothingWrittenIsNothingToLose) {
  // Goal: X7 - a transaction that only read is NotApplied even when COMMIT's answer is lost.
  test::Gate gate(server.port());
  Connection connection = open(gate.conninfo());
  Transaction transaction = begin(connection);
  loop.run_until_complete(transaction.query("select count(*) from t", {}, soon())).value();
  gate.arm("commit", test::GateAction::CutAnswer);
  const auto report = commit(transaction);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().outcome, Outcome::NotApplied);
  EXPECT_EQ(report.error().proof, nullptr);
}

TEST_F(CommitTest, ALossBeforeCommitIsNotApplied) {
  // Goal: X3 - whatever breaks before COMMIT is sent leaves nothing behind.
  Connection connection = open();
  Transaction transaction = begin(connection);
  insert(transaction);
  ::kill(connection.backend_pid(), SIGKILL);
  const auto more =
      loop.run_until_complete(transaction.query("insert into t values (2)", {}, soon()));
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().outcome, Outcome::NotApplied);
  EXPECT_EQ(commit(transaction).error().outcome, Outcome::NotApplied);
  await_crash_noticed();
  expect_served();
  EXPECT_EQ(rows(), "0");
}

TEST_F(CommitTest, ACommitOfAFailedTransactionReturnsItsError) {
  // Goal: the server answers COMMIT of a failed transaction with ROLLBACK; that is no success.
  Connection connection = open();
  Transaction transaction = begin(connection);
  insert(transaction);
  const auto failed = loop.run_until_complete(transaction.query("select 1/0", {}, soon()));
  EXPECT_EQ(failed.error().sqlstate(), "22012");
  const auto report = commit(transaction);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().sqlstate(), "22012");
  EXPECT_EQ(report.error().outcome, Outcome::NotApplied);
  EXPECT_EQ(connection.transaction_state(), TransactionState::Idle);
  EXPECT_EQ(rows(), "0");
}

TEST_F(CommitTest, ADeferredConstraintFailsTheCommit) {
  // Goal: an error of COMMIT itself is NotApplied, and keeps its code.
  server.query("create table d (n int unique deferrable initially deferred)");
  Connection connection = open();
  Transaction transaction = begin(connection);
  loop.run_until_complete(transaction.query("insert into d values (1), (1)", {}, soon())).value();
  const auto report = commit(transaction);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().sqlstate(), "23505");
  EXPECT_EQ(report.error().outcome, Outcome::NotApplied);
  EXPECT_EQ(report.error().phase, Phase::Commit);
  EXPECT_TRUE(connection.usable());
}

TEST_F(CommitTest, AnAbandonedTransactionIsRolledBack) {
  // Goal: a transaction that goes out of scope leaves nothing, and never blocks doing so.
  Connection connection = open();
  {
    Transaction transaction = begin(connection);
    insert(transaction);
  }
  EXPECT_FALSE(connection.usable());
  EXPECT_EQ(rows(), "0");
}

TEST_F(CommitTest, TransactionControlAsAStatementIsRefused) {
  // Goal: a COMMIT smuggled in is noticed; its outcome is not vouched for.
  Connection connection = open();
  Transaction transaction = begin(connection);
  insert(transaction);
  const auto rows_of_commit = loop.run_until_complete(transaction.execute("commit", soon()));
  ASSERT_FALSE(rows_of_commit.has_value());
  EXPECT_EQ(rows_of_commit.error().outcome, Outcome::Unknown);
  EXPECT_FALSE(transaction.open());
}

class SyncStandbyTest : public CommitTest {
 protected:
  // Commits wait for a standby that does not exist, where the session asks for it.
  SyncStandbyTest()
      : CommitTest({.settings = {{"synchronous_standby_names", "nobody"},
                                 {"synchronous_commit", "local"}}}) {}

  // Commits in a session that waits for its standbys while another one interferes by `function`.
  DbResult<CommitReport> commit_while(Connection& connection, const std::string& function) {
    query(connection, "set synchronous_commit = on").value();
    std::jthread impatient([this, &function] {
      const std::string sql =
          "select " + function + "(pid) from pg_stat_activity where wait_event = 'SyncRep'";
      EXPECT_TRUE(test::wait_until([&] { return server.query(sql) == "t"; }));
    });
    // The server begins to wait for standbys a moment after its start.
    while (true) {
      ++commits;
      Transaction transaction = begin(connection);
      insert(transaction);
      auto report = commit(transaction);
      if (!report || report->confirmation != Confirmation::Confirmed) return report;
    }
  }
  int commits = 0;
};

TEST_F(SyncStandbyTest, ACommitOnThePrimaryOnlyIsAppliedWithANote) {
  // Goal: C3 - a wait for a synchronous standby that was cut short is a commit, not a failure.
  Connection connection = open();
  const auto report = commit_while(connection, "pg_cancel_backend");
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->confirmation, Confirmation::LocalOnly);
  EXPECT_TRUE(connection.usable());
  EXPECT_EQ(rows(), std::to_string(commits));
}

TEST_F(SyncStandbyTest, ASessionEndedWhileItWaitsForAStandbyHasCommitted) {
  // Goal: C3 - a session terminated in that wait says so before it ends; that is no failure.
  Connection connection = open();
  const auto report = commit_while(connection, "pg_terminate_backend");
  EXPECT_EQ(rows(), std::to_string(commits));
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->confirmation, Confirmation::LocalOnly);
  EXPECT_FALSE(connection.usable());
  expect_served();
}

}  // namespace
}  // namespace pgkeel::client
