// What was dropped comes back from the archive with its rows, by the guard alone, while everything
// else goes on; whoever is killed on the way.
#include <fmt/format.h>

#include <fstream>

#include "chaos/archived.hpp"
#include "chaos/crash.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "recover/executor.hpp"
#include "recover/playbook.hpp"
#include "runtime/files.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;
using incident::Incident;
using incident::IncidentState;

class UndropArchive : public testing::Test {
 protected:
  explicit UndropArchive(bool shadow = false)
      : archived_({{"PGKEEL_INSTANCE_DATABASES", "shop, crm"},
                   {"PGKEEL_INSTANCE_REQUIRED_TABLES", "shop.public.ledger, shop.public.orders"},
                   {"PGKEEL_RECOVER_MISSING_TABLE", "restore"},
                   {"PGKEEL_RECOVER_MISSING_DATABASE", "restore"},
                   {"PGKEEL_SHADOW_ENABLED", shadow ? "true" : "false"}}) {}

  void SetUp() override {
    ASSERT_TRUE(archived_.built());
    ASSERT_TRUE(archived_.await_backup());
    ASSERT_TRUE(archived_.await_synchronous());
    ASSERT_TRUE(await_looks());
    add_writer(archived_.scene());
  }

  app::Stage& stage() { return archived_.stage(); }
  std::string value(std::string_view database, std::string statement) {
    const auto rows = stage().sql(database, std::move(statement));
    if (!rows) return rows.error().message();
    return rows->size() == 0 ? "" : std::string(rows->text(0, 0).value_or("NULL"));
  }
  void make_dependents() {
    ASSERT_TRUE(stage()
                    .sql("shop",
                         "create table shipments (id int primary key, ordered bigint not null"
                         " references orders); insert into shipments select i, i from"
                         " generate_series(1, 100) i")
                    .has_value());
    ASSERT_TRUE(await_looks());
  }
  /// The guard has looked a few times since: it knows a moment after the backup, and after what was
  /// written by now, at which everything was there.
  bool await_looks() {
    constexpr int kLooks = 3;
    for (int i = 0; i < kLooks; ++i) {
      const auto name = fmt::format("look_{}", looks_++);
      if (!stage().sql("shop", "create table " + name + " ()") || !await_listed(name)) return false;
      if (!own_listed_database(name)) return false;
    }
    return true;
  }
  /// One database whose owner is another each time: of many the guard would watch each.
  bool own_listed_database(const std::string& role) {
    if (looks_ == 1 && !stage().sql("postgres", "create database looked_at")) return false;
    if (!stage().sql("postgres",
                     fmt::format("create role {0}; alter database looked_at owner to {0}", role)))
      return false;
    return test::wait_until(
        [&] {
          const auto store = incident::Store::open_read_only(stage().config().state_dir);
          if (!store) return false;
          const auto known = incident::Ledger(**store).databases();
          return known &&
                 std::ranges::find(*known, role, &incident::KnownDatabase::owner) != known->end();
        },
        kPatience);
  }
  bool await_listed(std::string_view table) {
    return test::wait_until(
        [&] {
          const auto store = incident::Store::open_read_only(stage().config().state_dir);
          if (!store) return false;
          const auto known = incident::Ledger(**store).relations("shop");
          return known &&
                 std::ranges::find(*known, table, &incident::KnownRelation::name) != known->end();
        },
        kPatience);
  }
  void expect_orders_as_they_were() {
    EXPECT_EQ(value("shop", "select count(*) from orders"), std::to_string(app::kDemoOrders));
    EXPECT_EQ(value("shop", "select count(*) from pg_indexes where tablename = 'orders'"), "2");
    EXPECT_EQ(value("shop", "select nextval('orders_id_seq') > 1000"), "t");
  }
  fs::path scratch() {
    auto path = stage().config().instance.data_dir;
    path += ".pgkeel-drill";
    return path;
  }
  /// The undrop that holds the lock of its job; 0: none runs.
  pid_t undrop_pid() {
    const auto text = runtime::read_file(stage().config().state_dir / "jobs" / "undrop.lock", 4096);
    const auto at = text ? text->find("(pid ") : std::string::npos;
    return at == std::string::npos ? 0 : std::stoi(text->substr(at + 5));
  }
  void walk(std::string_view fault, std::string_view playbook);
  void damage(const std::string& table);
  testing::AssertionResult await_swap(const std::string& table);

  Archived archived_;
  int looks_ = 0;
};

TEST_F(UndropArchive, ADroppedTableComesBackWithItsRows) {
  // Goal: rows, indexes, the sequence and a foreign key from another table, by the guard alone; the
  // incident says how many rows and how old; nothing acknowledged elsewhere is lost (A4 D10 X2).
  ASSERT_NO_FATAL_FAILURE(make_dependents());
  stage().note_broken();
  ASSERT_TRUE(stage().sql("shop", "drop table orders cascade").has_value());
  ASSERT_TRUE(await_healed(stage(), "table_dropped"));
  ASSERT_NO_FATAL_FAILURE(expect_orders_as_they_were());
  EXPECT_EQ(value("shop",
                  "select convalidated from pg_constraint where conname = "
                  "'shipments_ordered_fkey'"),
            "t");
  EXPECT_EQ(value("shop", "select count(*) from shipments"), "100");
  const auto incident = incident_of(stage(), "table_dropped");
  ASSERT_TRUE(incident);
  ASSERT_EQ(incident->actions.size(), 1U);
  EXPECT_THAT(incident->actions.front().note, testing::HasSubstr("1000 rows restored"));
  EXPECT_FALSE(incident->rows_lost);
  ASSERT_EQ(incident->loss.size(), 1U);
  EXPECT_THAT(incident->loss.front(), testing::HasSubstr("what was written to shop.public.orders"));
  EXPECT_FALSE(fs::exists(scratch() / "undrop"));
  ASSERT_TRUE(service_restored(archived_.scene()));
}

TEST_F(UndropArchive, ADroppedDatabaseComesBackWithItsRows) {
  // Goal: the same of a database; it appears under its name only when it is whole (A4 D10 X2).
  ASSERT_TRUE(fault_named("database_dropped").inject(stage()).has_value());
  ASSERT_TRUE(await_healed(stage(), "database_dropped"));
  EXPECT_EQ(value("crm", "select count(*) from contacts"), std::to_string(app::kDemoContacts));
  EXPECT_EQ(value("postgres", "select count(*) from pg_database where datname ~ '_pgkeel_new'"),
            "0");
  ASSERT_TRUE(service_restored(archived_.scene()));
}

TEST_F(UndropArchive, WhatIsInTheWayWaitsForAHuman) {
  // Goal: a table the app made again in its place is not overwritten and not believed to be the old
  // one; the incident says how to bring it back beside (D10 X8).
  ASSERT_TRUE(stage()
                  .sql("shop", "begin; drop table orders; create table orders (other int); commit")
                  .has_value());
  ASSERT_TRUE(await_incident(stage(), "table_dropped", [](const Incident& incident) {
    return incident.state == IncidentState::Waiting && incident.actions.empty() &&
           std::ranges::any_of(incident.events, [](const auto& event) {
             return event.text.contains("undrop shop.public.orders --merge");
           });
  }));
  EXPECT_EQ(value("shop", "select count(*) from orders"), "0");
  EXPECT_FALSE(fs::exists(scratch() / "undrop")) << "nothing was restored for it";
}

TEST_F(UndropArchive, GuardAndJobKilledHalfWay) {
  // Goal: with the copy half made and its server running, both are killed; the next guard ends what
  // is left over and brings the table back (D6 D10).
  ASSERT_TRUE(fault_named("table_dropped").inject(stage()).has_value());
  const auto copying = [&] { return fs::exists(scratch() / "undrop" / "postmaster.pid"); };
  ASSERT_TRUE(test::wait_until(copying, kPatience));
  const auto job = undrop_pid();
  ASSERT_GT(job, 0);
  ASSERT_TRUE(stage().kill_guard().has_value());
  ASSERT_EQ(::kill(job, SIGKILL), 0);
  ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(archived_.scene(), "table_dropped"));
  ASSERT_NO_FATAL_FAILURE(expect_orders_as_they_were());
  EXPECT_FALSE(fs::exists(scratch() / "undrop"));
}

TEST_F(UndropArchive, AnOrphanedJobIsNotRepeated) {
  // Goal: the guard alone is killed, its job goes on; the next guard waits for it and the table is
  // there once (D6 D10).
  ASSERT_TRUE(fault_named("table_dropped").inject(stage()).has_value());
  ASSERT_TRUE(test::wait_until([&] { return undrop_pid() > 0; }, kPatience));
  ASSERT_TRUE(stage().kill_guard().has_value());
  ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(archived_.scene(), "table_dropped"));
  ASSERT_NO_FATAL_FAILURE(expect_orders_as_they_were());
}

void UndropArchive::walk(std::string_view fault, std::string_view playbook) {
  for (const auto& step : recover::playbook_by_name(playbook).steps) {
    for (const auto place : kPlaces) {
      const auto name = recover::fault_point_name(playbook, step.name, place);
      SCOPED_TRACE(name);
      const auto mark = stage().directory() / "mark";
      fs::remove(mark);
      stage().end_guard();
      ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
      ASSERT_TRUE(stage().await_ready().has_value());
      ASSERT_TRUE(await_looks());
      ASSERT_TRUE(fault_named(fault).inject(stage()).has_value());
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(archived_.scene(), mark));
      ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(archived_.scene(), fault));
      ASSERT_TRUE(stage().await_known().has_value());
    }
  }
}

// A table whose second page no longer holds what its checksum says, read once.
void UndropArchive::damage(const std::string& table) {
  ASSERT_TRUE(
      stage().sql("shop", fmt::format("create table {} as select i, repeat('x', 100) v from "
                                      "generate_series(1, 2000) i",
                                      table)));
  const auto file = stage().instance().data_dir() /
                    value("shop", fmt::format("select pg_relation_filepath('{}')", table));
  ASSERT_TRUE(stage().sql("shop", "checkpoint"));
  stage().note_broken();
  ASSERT_NO_FATAL_FAILURE(kill_server(stage()));  // what is in memory is forgotten
  ASSERT_TRUE(await_incident(stage(), "server_killed", healed));
  std::fstream page(file, std::ios::in | std::ios::out | std::ios::binary);
  page.seekp(9000);
  page << "zz";
  page.close();
  EXPECT_FALSE(stage().sql("shop", fmt::format("select count(v) from {}", table)));
}

testing::AssertionResult UndropArchive::await_swap(const std::string& table) {
  return await_incident(stage(), "heap_corrupted", [&table](const Incident& incident) {
    return incident.state == IncidentState::Waiting &&
           std::ranges::any_of(incident.events, [&table](const auto& event) {
             return event.text.contains(
                 fmt::format("alter table \"public\".\"{}\" rename to", table));
           });
  });
}

TEST_F(UndropArchive, ADamagedTableIsRestoredBeside) {
  // Goal: K14 K15: every row is in the copy, the damaged table is untouched, what of it can be read
  // is counted, and the statement a person gets puts the copy into its place (A5 D10 X8).
  ASSERT_NO_FATAL_FAILURE(damage("flipped"));
  ASSERT_TRUE(await_swap("flipped"));
  const auto incident = incident_of(stage(), "heap_corrupted");
  const auto& told = incident->actions.back().note;
  EXPECT_THAT(told, testing::HasSubstr("2000 rows are in the copy; of the damaged one 19"));
  EXPECT_THAT(told, testing::HasSubstr("and 1 of its pages cannot"));
  EXPECT_FALSE(stage().sql("shop", "select count(v) from flipped")) << "it was touched";
  const auto begin = told.find("begin; lock");
  ASSERT_NE(begin, std::string::npos);
  const auto swap = told.substr(begin, told.find("commit;") + 7 - begin);
  ASSERT_TRUE(stage().sql("shop", swap)) << swap;
  EXPECT_EQ(value("shop", "select count(v) from flipped"), "2000");
  ASSERT_TRUE(service_restored(archived_.scene()));
}

class UndropShadow : public UndropArchive {
 protected:
  UndropShadow() : UndropArchive(true) {}
  std::optional<shadow::ShadowStatus> status() {
    auto read = shadow::read_shadow_status(stage().config().state_dir / shadow::kShadowStatusFile);
    return read ? std::optional(*std::move(read)) : std::nullopt;
  }
  testing::AssertionResult follows() {
    const bool does = test::wait_until(
        [this] {
          const auto now = status();
          return now && now->state == shadow::ShadowState::Following;
        },
        2 * kPatience);
    return does ? testing::AssertionSuccess() : testing::AssertionFailure() << "no shadow follows";
  }
};

TEST_F(UndropShadow, ADamagedTableIsRestoredFromItsCopy) {
  // Goal: issue 7, part 5: the copy of a damaged table comes out of the shadow, no backup is laid
  // out again, and the shadow goes on as the one it was (A5 D7 D10).
  ASSERT_TRUE(follows());
  const auto directory = runtime::inode_of(status()->data_dir);
  ASSERT_TRUE(directory);
  ASSERT_NO_FATAL_FAILURE(damage("flipped"));
  ASSERT_TRUE(await_swap("flipped"));
  const auto& told = incident_of(stage(), "heap_corrupted")->actions.back().note;
  EXPECT_THAT(told, testing::HasSubstr("out of the shadow"));
  EXPECT_THAT(told, testing::HasSubstr("2000 rows are in the copy"));
  ASSERT_TRUE(follows());
  EXPECT_TRUE(runtime::inode_of(status()->data_dir).value_or(runtime::InodeId()) == *directory);
  ASSERT_TRUE(service_restored(archived_.scene()));
}

TEST_F(UndropArchive, WalkRestoreBeside) {
  // Goal: a guard killed between any two lines of the journal is followed by one that finishes, and
  // the table is there once (D6).
  int tables = 0;
  for (const auto& step : recover::playbook_by_name("restore_beside").steps)
    for (const auto place : kPlaces) {
      const auto name = recover::fault_point_name("restore_beside", step.name, place);
      SCOPED_TRACE(name);
      const auto table = fmt::format("flipped{}", tables++);
      const auto mark = stage().directory() / "mark";
      fs::remove(mark);
      stage().end_guard();
      ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
      // Not "up": the tables before wait for a person.
      const auto serves = [&] {
        const auto status = stage().client().get("/api/v1/status");
        return status && status->value("serving", false);
      };
      ASSERT_TRUE(test::wait_until(serves, kPatience));
      ASSERT_NO_FATAL_FAILURE(damage(table));
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(archived_.scene(), mark));
      ASSERT_TRUE(stage().start_guard().has_value());
      ASSERT_TRUE(await_swap(table));
      EXPECT_EQ(value("shop", fmt::format("select count(*) from pg_class where relname ~ "
                                          "'^{}_pgkeel'",
                                          table)),
                "1");
      // Or the next guard, which dies, would begin with this one.
      ASSERT_TRUE(stage().client().post(
          "/api/v1/abandon",
          {{"incident", incident_of(stage(), "heap_corrupted")->id}, {"who", "the test"}}));
      ASSERT_TRUE(service_restored(archived_.scene()));
    }
}

TEST_F(UndropArchive, WalkRestoreTable) {
  // Goal: a guard killed between any two lines of the journal is followed by one that finishes
  // (D6).
  ASSERT_NO_FATAL_FAILURE(walk("table_dropped", "restore_table"));
  expect_orders_as_they_were();
}

TEST_F(UndropArchive, WalkRestoreDatabase) {
  // Goal: the same of a database (D6).
  ASSERT_NO_FATAL_FAILURE(walk("database_dropped", "restore_database"));
  EXPECT_EQ(value("crm", "select count(*) from contacts"), std::to_string(app::kDemoContacts));
}

}  // namespace
}  // namespace pgkeel::chaos
