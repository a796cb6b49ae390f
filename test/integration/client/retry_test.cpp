// Whole transactions against real conflicts, kills and restarts: run again when that is safe, and
// never twice when it is not. A counter table is the judge.
#include "client/retry.hpp"

#include "integration/client/client_test.hpp"

namespace pgkeel::client {
namespace {

using runtime::Task;

class RetryTest : public ClientTest {
 protected:
  RetryTest() {
    server.query(
        "create table counter (id int primary key, n int); "
        "insert into counter values (1, 0), (2, 0)");
  }
  std::string total() { return server.query("select sum(n) from counter"); }
  pg::Conninfo info() { return parse(server.conninfo()); }
};

/// Reads first, so that under serializable two of them conflict; both wait for each other.
struct Meeting {
  explicit Meeting(runtime::Loop& loop) : changed(loop) {}
  runtime::Event changed;
  int arrived = 0;
};

Task<void> meet(runtime::Loop* loop, Meeting* meeting) {
  ++meeting->arrived;
  meeting->changed.notify_all();
  // A second run finds everyone here already.
  while (meeting->arrived < 2)
    static_cast<void>(co_await meeting->changed.wait_until(loop->after(Millis(5'000))));
}

struct Job {
  runtime::Loop* loop;
  Meeting* meeting;
  int first = 1;
  int second = 2;
  int runs = 0;
};

Task<DbResult<>> bump_after_reading(Job* job, Transaction* transaction) {
  ++job->runs;
  const Limit limit(job->loop->after(Millis(10'000)));
  const auto read = co_await transaction->query("select sum(n) from counter", {}, limit);
  if (!read) co_return fail(read.error());
  co_await meet(job->loop, job->meeting);
  const auto written = co_await transaction->query("update counter set n = n + 1 where id = $1",
                                                   {std::to_string(job->first)}, limit);
  if (!written) co_return fail(written.error());
  co_return DbResult<>();
}

Task<DbResult<>> bump_both(Job* job, Transaction* transaction) {
  ++job->runs;
  const Limit limit(job->loop->after(Millis(10'000)));
  const std::string sql = "update counter set n = n + 1 where id = $1";
  const auto one = co_await transaction->query(sql, {std::to_string(job->first)}, limit);
  if (!one) co_return fail(one.error());
  co_await meet(job->loop, job->meeting);
  const auto two = co_await transaction->query(sql, {std::to_string(job->second)}, limit);
  if (!two) co_return fail(two.error());
  co_return DbResult<>();
}

using Bump = Task<DbResult<>> (*)(Job*, Transaction*);

Task<void> run_job(Pool* pool, TransactOptions options, Job* job, Bump bump, DbResult<>* result,
                   int* open_jobs) {
  *result =
      co_await transact(pool, options, pool->loop().after(Millis(15'000)),
                        [job, bump](Transaction& transaction) { return bump(job, &transaction); });
  --*open_jobs;
}

Task<void> until_zero(runtime::Loop* loop, const int* open_jobs) {
  while (*open_jobs > 0) static_cast<void>(co_await loop->sleep_for(Millis(1)));
}

struct Duel {
  int runs = 0;
  DbResult<> first;
  DbResult<> second;
};

// Two sessions of one pool get into each other's way, both to the end.
Duel fight(runtime::Loop& loop, Pool& pool, const TransactOptions& options, Bump bump) {
  Meeting meeting(loop);
  Job one{.loop = &loop, .meeting = &meeting, .first = 1, .second = 2};
  Job two{.loop = &loop, .meeting = &meeting, .first = 2, .second = 1};
  Duel duel;
  int open_jobs = 2;
  loop.spawn(run_job(&pool, options, &one, bump, &duel.first, &open_jobs));
  loop.spawn(run_job(&pool, options, &two, bump, &duel.second, &open_jobs));
  loop.run_until_complete(until_zero(&loop, &open_jobs));
  duel.runs = one.runs + two.runs;
  return duel;
}

TEST_F(RetryTest, ASerializationFailureIsRunAgain) {
  // Goal: B2 X3 - two real sessions conflict (40001); both succeed in the end, each exactly once.
  Pool pool(loop, info(), {});
  const Duel duel = fight(loop, pool, {.transaction = {.isolation = Isolation::Serializable}},
                          bump_after_reading);
  EXPECT_TRUE(duel.first.has_value()) << duel.first.error().message();
  EXPECT_TRUE(duel.second.has_value()) << duel.second.error().message();
  EXPECT_GE(duel.runs, 3);  // the loser may lose once more to a winner that has not committed yet
  EXPECT_EQ(total(), "2");
  expect_served();
}

TEST_F(RetryTest, ADeadlockIsRunAgain) {
  // Goal: B2 X3 - a real deadlock (40P01): the victim runs again, the sums are right.
  Pool pool(loop, info(), {.connect = {.settings = {{"deadlock_timeout", "50ms"}}}});
  const Duel duel = fight(loop, pool, {}, bump_both);
  EXPECT_TRUE(duel.first.has_value()) << duel.first.error().message();
  EXPECT_TRUE(duel.second.has_value()) << duel.second.error().message();
  EXPECT_GE(duel.runs, 3);  // the loser may lose once more to a winner that has not committed yet
  EXPECT_EQ(total(), "4");
  expect_served();
}

TEST_F(RetryTest, WithoutAttemptsLeftTheErrorIsReturned) {
  // Goal: B2 - the caller learns the code, the outcome and how often it was tried.
  Pool pool(loop, info(), {});
  const Duel duel = fight(
      loop, pool, {.retry = {.attempts = 1}, .transaction = {.isolation = Isolation::Serializable}},
      bump_after_reading);
  ASSERT_NE(duel.first.has_value(), duel.second.has_value());
  const DbError& error = duel.first ? duel.second.error() : duel.first.error();
  EXPECT_EQ(error.sqlstate(), "40001");
  EXPECT_EQ(error.outcome, Outcome::NotApplied);
  EXPECT_EQ(error.attempts, 1);
  EXPECT_EQ(total(), "1");
}

struct Steps {
  runtime::Loop* loop;
  std::move_only_function<void(int run)> before_return;
  int runs = 0;
};

Task<DbResult<>> bump_once(Steps* steps, Transaction* transaction) {
  ++steps->runs;
  const auto written = co_await transaction->query("update counter set n = n + 1 where id = 1", {},
                                                   steps->loop->after(Millis(10'000)));
  if (!written) co_return fail(written.error());
  if (steps->before_return) steps->before_return(steps->runs);
  co_return DbResult<>();
}

DbResult<> run_steps(runtime::Loop& loop, Pool& pool, Steps& steps, TransactOptions options = {}) {
  return loop.run_until_complete(
      transact(&pool, std::move(options), loop.after(Millis(15'000)),
               [&steps](Transaction& transaction) { return bump_once(&steps, &transaction); }));
}

TEST_F(RetryTest, ASessionKilledBeforeCommitIsRunAgain) {
  // Goal: X3 - kill -9 of the backend in the middle: the work is run again on a new session.
  Pool pool(loop, info(), {});
  Steps steps{.loop = &loop, .before_return = [this](int run) {
                if (run > 1) return;
                server.query(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where application_name = 'pgkeel'");
              }};
  const auto done = run_steps(loop, pool, steps);
  ASSERT_TRUE(done.has_value()) << done.error().message();
  EXPECT_EQ(steps.runs, 2);
  EXPECT_EQ(total(), "1");
  expect_served();
}

TEST_F(RetryTest, ALostAnswerIsSettledAndNotRunAgain) {
  // Goal: X3 X7 - COMMIT was applied and its answer lost: success, and executed once.
  test::Gate gate(server.port());
  Pool pool(loop, parse(gate.conninfo()), {});
  CommitReport report;
  Steps steps{.loop = &loop, .before_return = [&gate](int run) {
                if (run == 1) gate.arm("commit", test::GateAction::CutAnswer);
              }};
  const auto done = run_steps(loop, pool, steps, {.report = &report});
  ASSERT_TRUE(done.has_value()) << done.error().message();
  EXPECT_EQ(report.confirmation, Confirmation::Proven);
  EXPECT_EQ(steps.runs, 1);
  EXPECT_EQ(total(), "1");
  expect_served();
}

TEST_F(RetryTest, ALostRequestIsSettledAndRunAgain) {
  // Goal: X3 X7 - COMMIT never arrived: proven NotApplied, run again, and executed once.
  test::Gate gate(server.port());
  Pool pool(loop, parse(gate.conninfo()), {});
  Steps steps{.loop = &loop, .before_return = [&gate](int run) {
                if (run == 1) gate.arm("commit", test::GateAction::CutRequest);
              }};
  const auto done = run_steps(loop, pool, steps);
  ASSERT_TRUE(done.has_value()) << done.error().message();
  EXPECT_EQ(steps.runs, 2);
  EXPECT_EQ(total(), "1");
  expect_served();
}

TEST_F(RetryTest, WithoutProofALostAnswerStaysUnknownAndIsNotRunAgain) {
  // Goal: X3 - nothing is executed twice: without proof the caller is told, not second-guessed.
  test::Gate gate(server.port());
  Pool pool(loop, parse(gate.conninfo()), {});
  Steps steps{.loop = &loop,
              .before_return = [&gate](int) { gate.arm("commit", test::GateAction::CutAnswer); }};
  const auto done = run_steps(loop, pool, steps, {.transaction = {.proof = ProofMode::None}});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().outcome, Outcome::Unknown);
  EXPECT_EQ(steps.runs, 1);
  EXPECT_EQ(total(), "1");
}

TEST_F(RetryTest, AKilledServerIsRiddenOut) {
  // Goal: A3 X3 - kill -9 of the postmaster in mid transaction: a pause, no error, executed once.
  Pool pool(loop, info(), {});
  Steps steps{.loop = &loop, .before_return = [this](int run) {
                if (run > 1) return;
                server.kill9();
                server.start();
              }};
  const auto done = run_steps(loop, pool, steps);
  ASSERT_TRUE(done.has_value()) << done.error().message();
  EXPECT_EQ(steps.runs, 2);
  EXPECT_EQ(total(), "1");
  expect_served();
}

Task<DbResult<int>> fail_until(int* calls, int good_call) {
  if (++*calls >= good_call) co_return *calls;
  DbError refused;
  refused.error = Error(ErrorCode::ConnectionFailed, "refused");
  co_return fail(std::move(refused));
}

TEST_F(RetryTest, WithRetryStopsAtSuccessAtAttemptsAndAtTheDeadline) {
  // Goal: B2 - plain calls are retried by the same rule, within one deadline.
  int calls = 0;
  const auto good =
      loop.run_until_complete(with_retry(&loop, {.backoff = {.base = Millis(1), .cap = Millis(2)}},
                                         soon(), [&calls] { return fail_until(&calls, 3); }));
  EXPECT_EQ(good.value(), 3);
  calls = 0;
  const auto bad =
      loop.run_until_complete(with_retry(&loop, {.backoff = {.base = Millis(1), .cap = Millis(2)}},
                                         soon(), [&calls] { return fail_until(&calls, 100); }));
  EXPECT_EQ(bad.error().attempts, kAttemptsMax);
  EXPECT_EQ(calls, kAttemptsMax);
  calls = 0;
  const auto late = loop.run_until_complete(
      with_retry(&loop, {}, loop.now(), [&calls] { return fail_until(&calls, 100); }));
  EXPECT_FALSE(late.has_value());
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace pgkeel::client
