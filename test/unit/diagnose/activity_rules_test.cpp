// The rules about what goes on inside a running server: connections, transactions, slots, the age
// of its rows, its own archive command.
#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using incident::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::int64_t kGigabyte = std::int64_t{1} << 30U;

Instance looked_into() {
  auto instance = healthy();
  instance.seen.activity.seen = true;
  instance.seen.activity.at = kNow;
  instance.seen.activity.freeze_max_age = 200'000'000;
  instance.seen.activity.groups = {{"guard", "pgkeel watch", "postgres", "idle", 90, Seconds(1)},
                                   {"shop", "web's", "shop", "idle", 14, Seconds(600)},
                                   {"cron", "", "shop", "active", 2, Seconds(3)}};
  return instance;
}

// `used` besides the guard's own login.
Instance with_connections(int used) {
  auto instance = looked_into();
  auto& login = instance.seen.login;
  login.connections_max = 20;
  login.connections_reserved = 3;
  login.connections_used = used + 1;
  login.crowded_looks = 2;
  return instance;
}

sense::OpenTransaction idle_transaction() {
  sense::OpenTransaction transaction;
  transaction.pid = 4711;
  transaction.user = "shop";
  transaction.application = "web";
  transaction.database = "shop";
  transaction.state = "idle in transaction";
  transaction.open_for = Seconds(420);
  transaction.in_state_for = Seconds(400);
  transaction.blocks = 2;
  transaction.blocking_looks = 2;
  transaction.waiting = "pid 12 (cron, nightly), pid 13 (shop, web)";
  return transaction;
}

sense::ReplicationSlot idle_slot(std::int64_t retained) {
  sense::ReplicationSlot slot;
  slot.name = "old_standby";
  slot.wal_status = "extended";
  slot.retained_bytes = retained;
  slot.idle_looks = 2;
  return slot;
}

void with_free(Instance& instance, std::uint64_t bytes) {
  instance.seen.host.seen = true;
  auto& space = instance.seen.host.spaces.emplace_back();
  space.room.bytes_free = bytes;
}

TEST(ConnectionStorm, NamesWhoHoldsMostWhenClientsAreRefused) {
  // Goal: where clients have no connection left it is the instance's trouble, critical, with the
  // top offender and the statement that ends its idle sessions; the guard's own are not named
  // (K26 D1).
  const auto instance = with_connections(17);
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::ConnectionStorm));
  const auto finding = instance.findings().front();
  EXPECT_EQ(finding.subject, kInstanceSubject);
  EXPECT_FALSE(finding.severity.has_value());
  EXPECT_EQ(cause_info(finding.cause).severity, Severity::Critical);
  EXPECT_FALSE(interrupts_nobody(finding.cause, finding.subject));
  EXPECT_FALSE(finding.wait);
  EXPECT_THAT(finding.summary, HasSubstr("17 of 17"));
  EXPECT_THAT(finding.summary, HasSubstr("14 of role shop in database shop, application web's"));
  EXPECT_THAT(finding.hint, HasSubstr("application_name = 'web''s'"));
}

TEST(ConnectionStorm, WarnsBeforeTheLastConnection) {
  // Goal: nearly full is a warning of its own subject that interrupts nobody; below that, or seen
  // once, it is nothing (K26).
  auto instance = with_connections(17);
  instance.seen.login.connections_max = 103;
  instance.seen.login.connections_used = 97;
  auto finding = instance.findings().front();
  EXPECT_EQ(finding.subject, "connections");
  EXPECT_TRUE(finding.wait);
  EXPECT_EQ(finding.severity, Severity::Warning);
  EXPECT_TRUE(interrupts_nobody(finding.cause, finding.subject));
  EXPECT_THAT(finding.summary, HasSubstr("96 of 100"));
  instance.seen.login.crowded_looks = 1;
  EXPECT_THAT(instance.findings(), IsEmpty());
  instance.seen.login.crowded_looks = 7;
  instance.seen.login.crowded_since = kNow + Seconds(1);
  EXPECT_THAT(instance.findings(), IsEmpty()) << "who it is, is seen in a moment";
  instance.seen.login.crowded_looks = 8;
  EXPECT_TRUE(has(instance, Cause::ConnectionStorm)) << "or not at all";
}

TEST(ConnectionStorm, IsHeldALittleBelowTheThreshold) {
  // Goal: once named, the warning stands until fewer than nine tenths are used, and full is still
  // full only at two looks; without an open incident nine tenths are nothing (K26).
  auto instance = with_connections(17);
  auto& login = instance.seen.login;
  login.connections_max = 103;
  login.connections_used = 91;
  login.crowded_looks = 0;
  EXPECT_THAT(instance.findings(), IsEmpty());
  instance.known.open_subjects = {"connections"};
  EXPECT_EQ(instance.findings().front().subject, "connections");
  login.connections_used = 101;
  login.crowded_looks = 1;
  EXPECT_EQ(instance.findings().front().subject, "connections");
  login.crowded_looks = 2;
  EXPECT_EQ(instance.findings().front().subject, kInstanceSubject);
  login.connections_used = 90;
  EXPECT_TRUE(has(instance, Cause::ConnectionStorm));
  login.crowded_looks = 0;
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(ConnectionStorm, ARefusedGuardIsEvidenceEnough) {
  // Goal: 53300 at the guard's own login is this and not "logins fail", for a server that is seen
  // and for one elsewhere, also when nothing inside it could be looked at (K26 K51).
  auto instance = healthy();
  auto& login = instance.seen.login;
  login.result = sense::ProbeResult::Rejected;
  login.sqlstate = "53300";
  login.note = "too many connections for role \"guard\"";
  login.failures = 8;
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::ConnectionStorm));
  EXPECT_THAT(instance.findings().front().hint, HasSubstr("connection limit"));
  instance.seen.activity = looked_into().seen.activity;
  login.failures = 1;
  EXPECT_THAT(instance.findings(), IsEmpty());
  login.failures = 2;
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("14 of role shop"));
  instance.seen.process.state = sense::ProcessState::Unknown;
  instance.seen.reach = {};
  instance.seen.files = {};
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::ConnectionStorm));
}

TEST(ConnectionStorm, IsNotTheCauseOfADeadServer) {
  // Goal: what the last login met says nothing once the process is gone (K3).
  auto instance = killed();
  instance.seen.login.crowded_looks = 5;
  instance.seen.login.sqlstate = "53300";
  instance.seen.login.result = sense::ProbeResult::Rejected;
  EXPECT_FALSE(has(instance, Cause::ConnectionStorm));
}

TEST(IdleInTransaction, NamesTheRootOfTheChainAndWhoWaits) {
  // Goal: idle for longer than the policy while others wait, at two looks: the session, who waits
  // and the statement that ends it (K28 K31 B14).
  auto instance = looked_into();
  instance.seen.activity.transactions = {idle_transaction()};
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::IdleInTransaction));
  const auto finding = instance.findings().front();
  EXPECT_TRUE(interrupts_nobody(finding.cause, finding.subject));
  EXPECT_THAT(finding.summary, HasSubstr("pid 4711 (role shop, application web, database shop)"));
  EXPECT_THAT(finding.summary, HasSubstr("2 sessions wait for it: pid 12 (cron, nightly)"));
  EXPECT_THAT(finding.hint, HasSubstr("pg_terminate_backend(4711)"));
}

TEST(IdleInTransaction, HarmsNobodyByItself) {
  // Goal: a short one, one nobody waits for, one seen blocking once, and one that works are none;
  // one that keeps dead rows is (K28).
  auto instance = looked_into();
  auto& transactions = instance.seen.activity.transactions;
  transactions = {idle_transaction()};
  transactions.front().in_state_for = Seconds(299);
  EXPECT_THAT(instance.findings(), IsEmpty());
  transactions = {idle_transaction()};
  transactions.front().blocking_looks = 1;
  EXPECT_THAT(instance.findings(), IsEmpty());
  transactions.front().blocking_looks = transactions.front().blocks = 0;
  EXPECT_THAT(instance.findings(), IsEmpty());
  transactions.front().xmin_age = 1'000'001;
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::IdleInTransaction));
  transactions.front().state = "active";
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(IdleInTransaction, AnOldLookSaysNothing) {
  // Goal: what was seen some minutes ago is not believed (D2).
  auto instance = looked_into();
  instance.seen.activity.transactions = {idle_transaction()};
  instance.now = kNow + sense::kActivityKept;
  EXPECT_TRUE(has(instance, Cause::IdleInTransaction));
  instance.now += Seconds(1);
  EXPECT_FALSE(has(instance, Cause::IdleInTransaction));
}

TEST(SlotAbandoned, KeepsMoreThanItsDiskCanSpare) {
  // Goal: more than a gigabyte, and more than a quarter of what is free, with the statement that
  // drops it and what that costs; held a little below once it is open (K9).
  auto instance = looked_into();
  auto& slots = instance.seen.activity.slots;
  slots = {idle_slot(kGigabyte)};
  EXPECT_THAT(instance.findings(), IsEmpty());
  slots = {idle_slot(kGigabyte + 1)};
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::SlotAbandoned));
  const auto finding = instance.findings().front();
  EXPECT_EQ(finding.subject, "slots.old_standby");
  EXPECT_THAT(finding.hint, HasSubstr("select pg_drop_replication_slot('old_standby')"));
  EXPECT_THAT(finding.hint, HasSubstr("standby"));
  with_free(instance, 8U * static_cast<std::uint64_t>(kGigabyte));
  EXPECT_THAT(instance.findings(), IsEmpty());
  slots = {idle_slot(2 * kGigabyte - kGigabyte / 4)};
  EXPECT_THAT(instance.findings(), IsEmpty());
  instance.known.open_subjects = {"slots.old_standby"};
  EXPECT_TRUE(has(instance, Cause::SlotAbandoned));
}

TEST(SlotAbandoned, IsOfNoUseOnceItHasLostWal) {
  // Goal: lost or about to be, whatever it keeps; never one in use, one seen idle once, or the
  // receiver's own (K10).
  auto instance = looked_into();
  auto& slots = instance.seen.activity.slots;
  slots = {idle_slot(0)};
  slots.front().wal_status = "lost";
  slots.front().logical = true;
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("has lost WAL"));
  EXPECT_THAT(instance.findings().front().hint, HasSubstr("subscriber"));
  slots.front().wal_status = "unreserved";
  EXPECT_TRUE(has(instance, Cause::SlotAbandoned));
  slots.front().idle_looks = 1;
  EXPECT_THAT(instance.findings(), IsEmpty());
  slots.front().idle_looks = 2;
  slots.front().name = "pgkeel_receiver";
  EXPECT_THAT(instance.findings(), IsEmpty());
  slots.front().name = "busy";
  slots.front().active = true;
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(SlotAbandoned, IsNotAReaderThatComesBack) {
  // Goal: a reader that lags and connects anew is away for a moment: two minutes by our looks, or
  // by the server's own account, are asked for; not of a slot that is lost; a slot that a standby
  // keeps in step for a failover has no reader by nature (K9 K10 D2).
  auto instance = looked_into();
  instance.known.lasting = Seconds(120);
  auto& slots = instance.seen.activity.slots;
  slots = {idle_slot(kGigabyte + 1)};
  slots.front().idle_since = kNow - Seconds(119);
  EXPECT_THAT(instance.findings(), IsEmpty());
  slots.front().idle_since = kNow - Seconds(120);
  EXPECT_TRUE(has(instance, Cause::SlotAbandoned));
  slots.front().idle_since = kNow - Seconds(2);
  slots.front().inactive_for = Seconds(120);
  EXPECT_TRUE(has(instance, Cause::SlotAbandoned));
  slots.front().inactive_for = Seconds(0);
  slots.front().wal_status = "lost";
  EXPECT_TRUE(has(instance, Cause::SlotAbandoned));
  slots.front().synced = true;
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(WraparoundNear, NamesWhatHoldsVacuumUp) {
  // Goal: the oldest database, and the prepared transaction, slot or session that is as old; a
  // young one explains nothing (K37 B14).
  auto instance = looked_into();
  auto& activity = instance.seen.activity;
  activity.freeze = {{"shop", 400'000'000, 5}, {"postgres", 100, 5}};
  EXPECT_THAT(instance.findings(), IsEmpty());
  activity.freeze.front().transactions = 400'000'001;
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("Nothing that can be seen"));
  EXPECT_THAT(instance.findings().front().hint, HasSubstr("vacuumdb --freeze --dbname=shop"));
  activity.freeze.front().database = "$(reboot)";
  EXPECT_THAT(instance.findings().front().hint,
              HasSubstr("vacuumdb --freeze --dbname='$(reboot)'"));
  activity.freeze.front().database = "shop";
  activity.transactions = {idle_transaction()};
  activity.transactions.front().xmin_age = 1000;
  activity.transactions.front().blocks = activity.transactions.front().blocking_looks = 0;
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("Nothing that can be seen"));
  activity.slots = {idle_slot(0)};
  activity.slots.front().xmin_age = 300'000'000;
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("replication slot old_standby"));
  activity.prepared = {{"x'1", "shop", "app", Seconds(86'400), 399'000'000}};
  const auto finding = instance.findings().front();
  EXPECT_THAT(finding.summary, HasSubstr("prepared transaction x'1 (role app, database shop)"));
  EXPECT_THAT(finding.hint, HasSubstr("rollback prepared 'x''1'"));
  EXPECT_FALSE(finding.severity.has_value());
  EXPECT_TRUE(interrupts_nobody(finding.cause, finding.subject));
}

TEST(WraparoundNear, MultixactsCountAndTheEndIsCritical) {
  // Goal: the other counter is judged too, and close to the end somebody is woken; a server that
  // freezes late on purpose is not called old for it (K37).
  auto instance = looked_into();
  auto& activity = instance.seen.activity;
  activity.freeze = {{"a", 300'000'000, 1}, {"b", 5, 1'950'000'000}};
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("database b"));
  EXPECT_EQ(instance.findings().front().severity, Severity::Critical);
  activity.freeze_max_age = 1'500'000'000;
  activity.freeze = {{"a", 1'600'000'000, 1}};
  EXPECT_THAT(instance.findings(), IsEmpty());
  activity.freeze = {{"a", 1'700'000'000, 1}};
  EXPECT_TRUE(has(instance, Cause::WraparoundNear));
}

TEST(ArchiveCommand, FailingIsASubjectBesideTheArchivesOwn) {
  // Goal: the server's own archiver that failed last, at two looks, is named with the segment; it
  // stands beside other troubles of the archive (K8).
  auto instance = looked_into();
  auto& archiver = instance.seen.activity.archiver.emplace();
  archiver = {3, 7, "0000000100000000000000A7", kWall - Seconds(60), kWall, 1, kNow};
  EXPECT_THAT(instance.findings(), IsEmpty());
  archiver.failing_looks = 2;
  instance.seen.archive.troubles = {{"archive.drill", "It failed", "", false, {}, kNow}};
  const auto findings = instance.findings();
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].subject, kArchiveCommandSubject);
  EXPECT_THAT(findings[0].summary, HasSubstr("0000000100000000000000A7"));
  EXPECT_THAT(findings[0].summary, Not(HasSubstr("never")));
  EXPECT_EQ(findings[1].subject, "archive.drill");
  EXPECT_TRUE(about_activity(findings[0].cause, findings[0].subject));
  EXPECT_FALSE(about_activity(findings[1].cause, findings[1].subject));
}

TEST(ArchiveCommand, AHiccupIsNoFailure) {
  // Goal: after three tries in three seconds the archiver rests for a minute, at whose looks it
  // seems to fail; two minutes without a success are a failure (K8 D2).
  auto instance = looked_into();
  instance.known.lasting = Seconds(120);
  auto& archiver = instance.seen.activity.archiver.emplace();
  archiver = {3,     7, "0000000100000000000000A7", kWall - Seconds(10'000),
              kWall, 5, kNow - Seconds(119)};
  EXPECT_THAT(instance.findings(), IsEmpty());
  archiver.failing_since = kNow - Seconds(120);
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::ArchiveFailing));
}

}  // namespace
}  // namespace pgkeel::diagnose
