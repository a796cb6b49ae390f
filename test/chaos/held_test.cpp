// What the shadow is kept from, under a guard and a writer: a dropped table comes back out of it,
// and neither it nor anybody's commit is lost when the volume goes meanwhile.
#include <fmt/format.h>

#include "chaos/archived.hpp"
#include "chaos/clients.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "runtime/process.hpp"
#include "shadow/gate/status.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::chaos {
namespace {

constexpr Seconds kCommandMost{120};
// Asks nobody for it: no error is logged.
constexpr const char* kIsThere = "select to_regclass('orders') is not null";

class Held : public testing::Test {
 protected:
  void build(const char* missing_table) {
    archived_.emplace(app::GuardEnvironment{{"PGKEEL_SHADOW_ENABLED", "true"},
                                            {"PGKEEL_RECOVER_MISSING_TABLE", missing_table}});
    ASSERT_TRUE(archived_->built());
    ASSERT_TRUE(archived_->await_backup());
    ASSERT_TRUE(archived_->await_synchronous());
    add_writer(archived_->scene());
    const auto file = stage().config().state_dir / shadow::kShadowStatusFile;
    ASSERT_TRUE(test::wait_until(
        [&] {
          const auto status = shadow::read_shadow_status(file);
          return status && status->state == shadow::ShadowState::Following &&
                 status->gate_read_lsn.valid();
        },
        2 * kPatience));
  }
  void TearDown() override {
    if (HasFailure() && archived_ && archived_->built()) stage().keep();
  }
  app::Stage& stage() { return archived_->stage(); }
  std::string in_shop(std::string statement) {
    const auto rows = stage().sql("shop", std::move(statement));
    if (!rows) return rows.error().message();
    return rows->size() == 0 ? "" : std::string(rows->text(0, 0).value_or("NULL"));
  }
  // Whether the gate knows that the orders were dropped, and how that ended.
  std::optional<shadow::HoldEnd> orders() {
    const auto gate =
        shadow::read_gate_status(stage().config().state_dir / shadow::kGateStatusFile);
    if (!gate) return std::nullopt;
    for (const auto& entry : gate->entries)
      if (entry.destruction && entry.destruction->find("public", "orders") != nullptr)
        return entry.end;
    return std::nullopt;
  }
  bool orders_are(shadow::HoldEnd end) {
    return test::wait_until([&] { return orders() == end; }, kPatience);
  }
  runtime::ProcessOutput undrop(const std::vector<std::string>& words) {
    runtime::ProcessSpec spec;
    spec.argv = {PGKEEL_BINARY, "undrop", "--config",
                 (stage().directory() / "pgkeel.toml").string(), "--json"};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    spec.environment = stage().environment();
    spec.environment.emplace_back("PGKEEL_ARCHIVE_STORE", stage().config().archive.store.where);
    auto& loop = stage().loop();
    const auto ran = loop.run_until_complete(
        runtime::run_process(loop, std::move(spec), loop.after(kCommandMost)));
    EXPECT_TRUE(ran.has_value()) << ran.error().message();
    return ran.value_or(runtime::ProcessOutput{});
  }
  bool ledger_knows(const std::string& table) {
    const auto store = incident::Store::open_read_only(stage().config().state_dir);
    if (!store) return false;
    const auto relations = incident::Ledger(**store).relations("shop");
    return relations &&
           std::ranges::any_of(*relations, [&](const auto& known) { return known.name == table; });
  }
  std::string checksum() {
    return in_shop("select md5(string_agg(o::text, chr(10) order by o::text)) from orders o");
  }

  std::optional<Archived> archived_;
};

TEST_F(Held, ADroppedTableComesBackOutOfTheShadow) {
  // Goal: A1 X1: what nobody asks for stays dropped; once a client asks for it, the guard brings it
  // back by itself, out of the shadow, while the writer goes on; then the shadow goes on too.
  ASSERT_NO_FATAL_FAILURE(build("restore"));
  const auto before = checksum();
  stage().note_broken();
  ASSERT_TRUE(stage().sql("shop", "drop table orders cascade").has_value());
  const auto told = [](const incident::Incident& incident) {
    return incident.state == incident::IncidentState::Waiting && incident.actions.empty();
  };
  ASSERT_TRUE(await_incident(stage(), "table_dropped", told));
  EXPECT_FALSE(test::wait_until([&] { return in_shop(kIsThere) == "t"; }, kStaysDown));
  ASSERT_TRUE(await_incident(stage(), "table_dropped", told));
  EXPECT_FALSE(stage().sql("shop", "drop table orders")) << "no wish for it";
  EXPECT_FALSE(test::wait_until([&] { return in_shop(kIsThere) == "t"; }, kStaysDown));
  EXPECT_FALSE(stage().sql("shop", "select from orders"));
  ASSERT_TRUE(await_incident(stage(), "table_dropped", [](const incident::Incident& incident) {
    return healed(incident) && incident.loss.empty() && incident.rows_lost == 0 &&
           std::ranges::any_of(incident.actions, [](const incident::Action& action) {
             return action.note.contains("out of the shadow");
           });
  }));
  EXPECT_EQ(checksum(), before);
  EXPECT_TRUE(orders_are(shadow::HoldEnd::Released));
  EXPECT_TRUE(service_restored(archived_->scene()));
}

TEST_F(Held, WhatAMigrationDroppedStaysDropped) {
  // Goal: A1 X1: a migration as Prisma runs one drops a table, while an old version of the app
  // still asks for it: it is not brought back, but told, in the list, and there with one command.
  ASSERT_NO_FATAL_FAILURE(build("restore"));
  const auto before = checksum();
  in_shop(
      "create table _prisma_migrations (id text primary key, migration_name text not null, "
      "started_at timestamptz not null default now(), finished_at timestamptz)");
  ASSERT_TRUE(test::wait_until([this] { return ledger_knows("_prisma_migrations"); }, kPatience));
  stage().note_broken();
  in_shop("insert into _prisma_migrations (id, migration_name) values ('1', 'drop_orders')");
  in_shop("drop table orders cascade");
  in_shop("update _prisma_migrations set finished_at = now() where id = '1'");
  const auto told = [](const incident::Incident& incident) {
    return incident.state == incident::IncidentState::Waiting && incident.actions.empty() &&
           incident.severity == incident::Severity::Warning;
  };
  ASSERT_TRUE(await_incident(stage(), "table_dropped", told));
  EXPECT_FALSE(test::wait_until(
      [&] { return stage().sql("shop", "select from orders").has_value(); }, kStaysDown));
  ASSERT_TRUE(await_incident(stage(), "table_dropped", told));
  EXPECT_THAT(undrop({"list"}).out, testing::HasSubstr("\"public.orders\""));
  const auto done = undrop({"shop.public.orders"});
  ASSERT_TRUE(done.exit.ok()) << done.out << done.err;
  EXPECT_THAT(done.out, testing::HasSubstr("\"from\":\"shadow\""));
  EXPECT_EQ(checksum(), before);
  EXPECT_TRUE(service_restored(archived_->scene()));
}

TEST_F(Held, AVolumeLostMeanwhileLosesNeither) {
  // Goal: X1 X2: a table is dropped, a thousand others commit, the volume is removed while the
  // shadow is kept before the drop: every commit is there again, served from the shadow, and the
  // table comes back as it was, from the backup and the WAL up to the drop.
  ASSERT_NO_FATAL_FAILURE(build("advise"));
  const auto before = checksum();
  ASSERT_TRUE(stage().sql("shop", "drop table orders cascade").has_value());
  ASSERT_TRUE(orders_are(shadow::HoldEnd::Kept));
  const auto until = archived_->scene().writer->tally().acknowledged + 1000;
  ASSERT_TRUE(test::wait_until(
      [&] { return archived_->scene().writer->tally().acknowledged >= until; }, kPatience));
  ASSERT_NO_FATAL_FAILURE(archived_->lose_the_volume());
  ASSERT_TRUE(await_incident(stage(), "volume_lost", [](const incident::Incident& incident) {
    return healed(incident) &&
           std::ranges::any_of(incident.actions, [](const incident::Action& action) {
             return action.note.contains("\"from\":\"shadow\"");
           });
  }));
  ASSERT_TRUE(service_restored(archived_->scene()));
  EXPECT_EQ(in_shop("select to_regclass('orders') is null"), "t");
  const auto done = undrop({"shop.public.orders"});
  ASSERT_TRUE(done.exit.ok()) << done.out << done.err;
  EXPECT_EQ(checksum(), before);
  EXPECT_TRUE(service_restored(archived_->scene()));
}

}  // namespace
}  // namespace pgkeel::chaos
