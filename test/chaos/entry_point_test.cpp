// The guard as a container's entry point: what `docker stop`, `docker kill` and a crash inside do
// to the server and its rows.
#include "chaos/entry_point.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "app/demo/writer.hpp"
#include "instance/data_dir.hpp"
#include "runtime/proc.hpp"
#include "support/wait.hpp"

namespace pgkeel::chaos {
namespace {

constexpr Seconds kGrace{10};  // of docker stop
constexpr Millis kAwaited{60'000};
constexpr std::int64_t kSomeRows = 50;
constexpr std::string_view kRows = "create table ledger (n bigint not null)";

testing::AssertionResult done(EntryPoint& container, std::string_view statement) {
  const auto rows = container.sql("postgres", std::string(statement));
  if (rows) return testing::AssertionSuccess();
  return testing::AssertionFailure() << rows.error().message();
}

[[nodiscard]] bool await_rows(const app::Writer& writer, std::int64_t more = kSomeRows) {
  const auto before = writer.tally().acknowledged;
  return test::wait_until([&] { return writer.tally().acknowledged >= before + more; }, kAwaited);
}

// Looks once each time: the killed one may still be seen at one look and be gone at the next.
[[nodiscard]] bool await_other(pid_t killed, const std::function<pid_t()>& look) {
  const auto other = [&] {
    const pid_t found = look();
    return found != 0 && found != killed;
  };
  return test::wait_until(other, kAwaited);
}

// Every acknowledged row is there exactly once.
testing::AssertionResult nothing_lost(EntryPoint& container, const app::Writer& writer) {
  const auto acknowledged = writer.acknowledged();  // before looking: the writer writes on
  const auto rows = container.sql("postgres", "select n, count(*) from ledger group by n");
  if (!rows) return testing::AssertionFailure() << rows.error().message();
  std::set<std::int64_t> present;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    if (rows->int64(row, 1).value_or(0) != 1) return testing::AssertionFailure() << "duplicate";
    present.insert(rows->int64(row, 0).value_or(-1));
  }
  if (std::ranges::includes(present, acknowledged)) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << acknowledged.size() << " acknowledged, " << present.size() << " present";
}

// From the signal to the end of the container; the exit status is the container's.
struct Stopped {
  Millis took{0};
  std::optional<runtime::ExitStatus> exit;
};
Stopped stop(EntryPoint& container, int signal) {
  const auto began = SteadyClock::now();
  container.signal_init(signal);
  Stopped stopped;
  stopped.exit = container.await_end();
  stopped.took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
  return stopped;
}

testing::AssertionResult cleanly(const Stopped& stopped, const EntryPoint& container) {
  if (stopped.took < kGrace && stopped.exit && stopped.exit->ok() &&
      container.control().state == pg::ClusterState::ShutDown)
    return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "after " << stopped.took.count() << " ms, "
         << (stopped.exit ? stopped.exit->describe() : "still running") << "\n"
         << container.log();
}

TEST(EntryPoint, TermStopsTheServerInOrderAndTheNextStartBringsItBack) {
  // docker stop and docker start, under load; every stop signal means the same (D5 D13).
  EntryPoint container;
  container.start();
  ASSERT_TRUE(done(container, kRows));
  app::Writer writer(container.conninfo("postgres"));
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT}) {
    ASSERT_TRUE(await_rows(writer));
    ASSERT_TRUE(cleanly(stop(container, signal), container));
    container.start();
    ASSERT_TRUE(await_rows(writer));
    ASSERT_TRUE(nothing_lost(container, writer));
  }
  EXPECT_FALSE(container.log().contains("to recover at the next start"));
}

TEST(EntryPoint, MoreSignalsDoNotBreakTheStop) {
  // An impatient operator: SIGTERM again and again is still one clean stop (D5).
  EntryPoint container;
  container.start();
  ASSERT_TRUE(done(container, kRows));
  const auto before = container.log().size();
  const auto began = SteadyClock::now();
  container.signal_init(SIGTERM);
  ASSERT_TRUE(test::wait_until([&] {
    container.signal_init(SIGTERM);
    container.signal_init(SIGINT);
    return !runtime::read_proc_stat(container.init());
  }));
  Stopped stopped{std::chrono::duration_cast<Millis>(SteadyClock::now() - began),
                  container.await_end()};
  EXPECT_TRUE(cleanly(stopped, container));
  EXPECT_TRUE(container.log().substr(before).contains("PostgreSQL stopped"));
}

TEST(EntryPoint, KilledServerIsHealedAndNobodyStaysAZombie) {
  // kill -9 of the postmaster: its orphans come to PID 1, which reaps them (A9 D5).
  EntryPoint container;
  container.start();
  ASSERT_TRUE(done(container, kRows));
  app::Writer writer(container.conninfo("postgres"));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(await_rows(writer));
    const auto killed = container.postmaster();
    ASSERT_GT(killed, 0);
    ASSERT_EQ(::kill(killed, SIGKILL), 0);
    ASSERT_TRUE(await_other(killed, [&] { return container.postmaster(); })) << container.log();
    ASSERT_TRUE(await_rows(writer));
    EXPECT_TRUE(test::wait_until([&] { return container.zombies().empty(); }));
  }
  ASSERT_TRUE(nothing_lost(container, writer));
  EXPECT_TRUE(cleanly(stop(container, SIGTERM), container));
}

TEST(EntryPoint, KilledContainerComesBackWithEveryRow) {
  // docker kill: a stale postmaster.pid whose pid somebody else has in the next life (D3 D5).
  EntryPoint container;
  container.start();
  ASSERT_TRUE(done(container, kRows));
  app::Writer writer(container.conninfo("postgres"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(await_rows(writer));
    const auto killed = stop(container, SIGKILL);
    EXPECT_FALSE(killed.exit && killed.exit->ok());
    ASSERT_EQ(container.control().state, pg::ClusterState::InProduction);
    ASSERT_TRUE(std::filesystem::exists(container.data_dir() / "postmaster.pid"));
    container.start();
    ASSERT_TRUE(await_rows(writer));
    ASSERT_TRUE(nothing_lost(container, writer));
  }
  EXPECT_TRUE(cleanly(stop(container, SIGTERM), container));
}

TEST(EntryPoint, KilledGuardIsReplacedAndTheServerServesOn) {
  // The guard's crash is not the container's: same postmaster, no error, and a clean stop after
  // (A9 D6).
  EntryPoint container;
  container.start();
  ASSERT_TRUE(done(container, kRows));
  app::Writer writer(container.conninfo("postgres"));
  ASSERT_TRUE(await_rows(writer));
  writer.mark();
  const auto postmaster = container.postmaster();
  const auto killed = container.guard();
  ASSERT_EQ(::kill(killed, SIGKILL), 0);
  ASSERT_TRUE(await_other(killed, [&] { return container.guard(); }));
  container.await_up();
  ASSERT_TRUE(await_rows(writer));
  EXPECT_EQ(container.postmaster(), postmaster);
  EXPECT_EQ(writer.tally().errors, 0);
  EXPECT_TRUE(container.zombies().empty());
  EXPECT_TRUE(nothing_lost(container, writer));
  EXPECT_TRUE(cleanly(stop(container, SIGTERM), container));
}

TEST(EntryPoint, StopBetweenTwoGuardsIsCleanToo) {
  // docker stop while the guard has just crashed: another one is started to do it (D5 D6).
  EntryPoint container;
  container.start();
  ASSERT_TRUE(done(container, kRows));
  ASSERT_EQ(::kill(container.guard(), SIGKILL), 0);
  ASSERT_TRUE(test::wait_until([&] { return container.guard() == 0; }));
  EXPECT_TRUE(cleanly(stop(container, SIGTERM), container));
}

TEST(EntryPoint, StopDuringTheFirstStartLeavesAStartableVolume) {
  // docker stop in the middle of initdb: nothing half-made stands in the data directory's place.
  EntryPoint container;
  container.launch();
  const auto stopped = stop(container, SIGTERM);
  EXPECT_LT(stopped.took, kGrace);
  container.start();
  EXPECT_TRUE(cleanly(stop(container, SIGTERM), container));
}

TEST(EntryPoint, OperatorsStopLastsAsLongAsTheContainer) {
  // pg_ctl stop inside is not fought; starting the container is an order to start the server (D3).
  EntryPoint container;
  container.start();
  const auto postmaster = container.postmaster();
  ASSERT_EQ(::kill(postmaster, SIGINT), 0);
  ASSERT_TRUE(test::wait_until(
      [&] { return container.log().contains("cause=stopped_by_operator"); }, kAwaited))
      << container.log();
  // The guard's successor, in the same container, does not fight it either.
  const auto killed = container.guard();
  ASSERT_EQ(::kill(killed, SIGKILL), 0);
  ASSERT_TRUE(test::wait_until(
      [&] { return container.log().contains("left stopped, as an operator"); }, kAwaited))
      << container.log();
  EXPECT_EQ(container.postmaster(), 0);
  ASSERT_TRUE(cleanly(stop(container, SIGTERM), container));
  container.start();
  EXPECT_GT(container.postmaster(), 0);
}

TEST(EntryPoint, BehindTheEnginesInit) {
  // docker run --init: orphans still come to the guard's init, the stop is as clean; when that init
  // is killed, the guard stops the server in order (D5 D13).
  EntryPoint container(EntryPoint::Below::EnginesInit);
  container.start();
  ASSERT_TRUE(done(container, kRows));
  const auto killed = container.postmaster();
  ASSERT_GT(killed, 0);
  ASSERT_EQ(::kill(killed, SIGKILL), 0);
  ASSERT_TRUE(await_other(killed, [&] { return container.postmaster(); }));
  container.await_up();
  EXPECT_TRUE(test::wait_until([&] { return container.zombies().empty(); }));
  ASSERT_TRUE(cleanly(stop(container, SIGTERM), container));
  container.start();
  static_cast<void>(stop(container, SIGKILL));
  EXPECT_TRUE(test::wait_until(
      [&] { return container.control().state == pg::ClusterState::ShutDown; }, kAwaited));
}

TEST(EntryPoint, HupReloadsTheServersConfiguration) {
  // docker kill -s HUP: the postmaster reads its configuration again; nobody ends.
  EntryPoint container;
  container.start();
  const auto postmaster = container.postmaster();
  ASSERT_TRUE(done(container, "alter system set log_min_duration_statement = '4242ms'"));
  container.signal_init(SIGHUP);
  EXPECT_TRUE(test::wait_until([&] {
    const auto rows = container.sql("postgres", "show log_min_duration_statement");
    return rows && !rows->empty() && rows->text(0, 0) == "4242ms";
  }));
  EXPECT_EQ(container.postmaster(), postmaster);
  EXPECT_TRUE(cleanly(stop(container, SIGTERM), container));
}

}  // namespace
}  // namespace pgkeel::chaos
