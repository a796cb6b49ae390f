// The kept sessions of a real server's databases: who asks, how often, and what still is seen.
#include "sense/catalog_watch.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sense/pulse.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::sense {
namespace {

constexpr Seconds kPatience{30};
constexpr Millis kStep{20};

runtime::Task<void> wait_a_little(runtime::Loop* loop) {
  static_cast<void>(co_await loop->sleep_for(kStep));
}

test::PostgresOptions with_prepared_transactions() {
  test::PostgresOptions options;
  options.settings = {{"max_prepared_transactions", "2"}};
  return options;
}

class CatalogWatch : public testing::Test {
 protected:
  CatalogWatch() {
    server_.query("create database shop");
    server_.query("create table orders (id int)", "shop");
    Options options;
    options.conninfo = *pg::parse_conninfo(server_.conninfo());
    options.watched_databases = {"shop"};
    options.write_every = Millis{0};
    board_.emplace(loop_, std::move(options));
    board_->seen.process.state = ProcessState::Running;
    board_->seen.login.result = ProbeResult::Ok;
    board_->seen.login.server_version = 150'000;
    loop_.spawn(watch_catalog(&*board_));
  }

  template <class Condition>
  [[nodiscard]] bool until(Condition condition) {
    return test::wait_until(
        [&] {
          loop_.run_until_complete(wait_a_little(&loop_));
          return condition();
        },
        kPatience);
  }
  [[nodiscard]] bool knows(const std::string& table) {
    const auto& relations = board_->seen.catalog.listings["shop"].relations;
    return std::ranges::find(relations, table, &Relation::name) != relations.end();
  }
  // How long ago the session that watches shop was asked last.
  [[nodiscard]] Millis shop_rests() const {
    const auto text = server_.query(
        "select coalesce(max(extract(epoch from clock_timestamp() - state_change) * 1000)::int, -1)"
        " from pg_stat_activity where datname = 'shop' and application_name = 'pgkeel watch'");
    return Millis{std::stoi(text)};
  }

  test::PostgresServer server_{with_prepared_transactions()};
  runtime::Loop loop_;
  std::optional<Board> board_;
};

TEST_F(CatalogWatch, LeavesADatabaseAloneWhileNothingIsCommitted) {
  // Goal: where nothing happens one session asks for all; what happens then is seen as soon (E6).
  ASSERT_TRUE(until([&] { return knows("orders"); }));
  ASSERT_TRUE(until([&] { return shop_rests() > Millis{2'000}; }));
  EXPECT_LT(loop_.now() - board_->seen.catalog.listings["shop"].checked_at, Millis{1'000});
  const auto dropped = loop_.now();
  server_.query("drop table orders", "shop");
  ASSERT_TRUE(until([&] { return !knows("orders"); }));
  EXPECT_LT(loop_.now() - dropped, kOwnLookEvery);
}

TEST_F(CatalogWatch, SeesADropThatEndsAfterAYoungerTransaction) {
  // Goal: the newest transaction's number stands still when an older one commits (D1).
  ASSERT_TRUE(until([&] { return knows("orders"); }));
  server_.query("begin; drop table orders; prepare transaction 'long'", "shop");
  server_.query("create table younger (id int)", "shop");
  ASSERT_TRUE(until([&] { return knows("younger"); }));
  EXPECT_TRUE(knows("orders"));
  const auto committed = loop_.now();
  server_.query("commit prepared 'long'", "shop");
  ASSERT_TRUE(until([&] { return !knows("orders"); }));
  EXPECT_LT(loop_.now() - committed, kOwnLookEvery);
}

TEST_F(CatalogWatch, LetsGoOfSessionsAtRestWhenTheServerStops) {
  // Goal: a smart shutdown does not wait for a session that rests (C1).
  ASSERT_TRUE(until([&] { return knows("orders"); }));
  ASSERT_TRUE(until([&] { return shop_rests() > Millis{1'000}; }));
  board_->seen.process.stopping = true;
  board_->poked.notify_all();
  const auto asked = loop_.now();
  ASSERT_TRUE(until([&] { return shop_rests() == Millis{-1}; }));
  EXPECT_LT(loop_.now() - asked, Millis{1'000});
}

}  // namespace
}  // namespace pgkeel::sense
