#include "incident/ledger.hpp"

#include <gmock/gmock.h>

#include "samples.hpp"

namespace pgkeel::incident {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

KnownDatabase database(std::string name, std::uint32_t oid) {
  return {Oid(oid), std::move(name), "app", "UTF8", "C.UTF-8", "C.UTF-8"};
}

KnownRelation relation(std::string name) {
  return {Oid(16384), "public", std::move(name), 'p', "app", 8192, 10};
}

TEST(Ledger, KnowsTheFirstIdentityAfterARestart) {
  // Every field of the identity survives the guard, large unsigned numbers included. X8
  OpenStore open;
  EXPECT_FALSE(open.ledger.identity().value().has_value());
  ASSERT_TRUE(open.ledger.record_identity(sample_identity()));
  open.reopen();
  const auto known = open.ledger.identity().value().value();
  const auto want = sample_identity();
  EXPECT_EQ(known.system_id, want.system_id);
  EXPECT_EQ(known.timeline, want.timeline);
  EXPECT_EQ(known.major, want.major);
  EXPECT_EQ(known.last_lsn, want.last_lsn);
  EXPECT_EQ(known.data_dir, want.data_dir);
  EXPECT_EQ(known.filesystem_type, want.filesystem_type);
  EXPECT_EQ(known.filesystem_uuid, want.filesystem_uuid);
  EXPECT_EQ(known.filesystem_fsid, want.filesystem_fsid);
  EXPECT_EQ(known.mount_point, want.mount_point);
  EXPECT_EQ(known.device, want.device);
  EXPECT_EQ(known.inode, want.inode);
  EXPECT_EQ(known.image_digest, want.image_digest);
  EXPECT_EQ(known.libc, want.libc);
  EXPECT_EQ(known.seen_at, want.seen_at);
}

TEST(Ledger, RefusesAnotherCluster) {
  // A stranger's system identifier is refused and the known one stays. X8
  OpenStore open;
  ASSERT_TRUE(open.ledger.record_identity(sample_identity()));
  auto stranger = sample_identity();
  stranger.system_id = SystemId(42);
  const auto refused = open.ledger.record_identity(stranger);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::WrongIdentity);
  EXPECT_THAT(refused.error().detail, HasSubstr("42"));
  EXPECT_EQ(open.ledger.identity().value()->system_id, sample_identity().system_id);
}

TEST(Ledger, RefusesAnIdentityWithoutSystemIdentifier) {
  // A control file that could not be read never becomes the known identity. X8
  OpenStore open;
  auto nothing = sample_identity();
  nothing.system_id = SystemId();
  EXPECT_EQ(open.ledger.record_identity(nothing).error().code, ErrorCode::Malformed);
  EXPECT_EQ(open.ledger.accept_identity(nothing, "root").error().code, ErrorCode::Malformed);
  EXPECT_FALSE(open.ledger.identity().value().has_value());
}

TEST(Ledger, NeverMovesTimelineAndLsnBackwards) {
  // An old copy of the same cluster does not make the ledger forget how far it had come. X8
  OpenStore open;
  ASSERT_TRUE(open.ledger.record_identity(sample_identity()));
  auto older = sample_identity();
  older.last_lsn = Lsn(1);
  older.data_dir = "/moved";
  ASSERT_TRUE(open.ledger.record_identity(older));
  EXPECT_EQ(open.ledger.identity().value()->last_lsn, sample_identity().last_lsn);
  EXPECT_EQ(open.ledger.identity().value()->data_dir, "/moved");

  older.timeline = TimelineId(1);
  older.last_lsn = Lsn(~0ULL);
  ASSERT_TRUE(open.ledger.record_identity(older));
  EXPECT_EQ(open.ledger.identity().value()->timeline, TimelineId(2));
  EXPECT_EQ(open.ledger.identity().value()->last_lsn, sample_identity().last_lsn);

  auto promoted = sample_identity();
  promoted.timeline = TimelineId(3);
  promoted.last_lsn = Lsn(5);
  ASSERT_TRUE(open.ledger.record_identity(promoted));
  EXPECT_EQ(open.ledger.identity().value()->timeline, TimelineId(3));
  EXPECT_EQ(open.ledger.identity().value()->last_lsn, Lsn(5));
}

TEST(Ledger, AnOperatorAcceptsANewIdentity) {
  // unfence forgets what belonged to the old cluster and remembers who decided it. X8
  OpenStore open;
  ASSERT_TRUE(open.ledger.record_identity(sample_identity()));
  ASSERT_TRUE(open.ledger.record_databases({database("shop", 1)}));
  ASSERT_TRUE(open.ledger.record_relations("shop", {relation("orders")}));
  ASSERT_TRUE(open.ledger.record_definitions("shop", {at(0), "dump"}));
  ASSERT_TRUE(open.ledger.record_config_files({{"/etc/pg.conf", "a = 1", 0640, 1, 2}}));
  ASSERT_TRUE(open.ledger.set_fact("paused_until", "2026"));
  auto other = sample_identity();
  other.system_id = SystemId(42);
  other.timeline = TimelineId(1);
  ASSERT_TRUE(open.ledger.accept_identity(other, "uid 0 (root)"));

  EXPECT_EQ(open.ledger.identity().value()->system_id, SystemId(42));
  EXPECT_EQ(open.ledger.identity().value()->timeline, TimelineId(1));
  EXPECT_THAT(open.ledger.databases().value(), IsEmpty());
  EXPECT_THAT(open.ledger.relations("shop").value(), IsEmpty());
  EXPECT_FALSE(open.ledger.definitions("shop").value().has_value());
  EXPECT_THAT(open.ledger.config_files().value(), IsEmpty());
  EXPECT_EQ(open.ledger.fact("paused_until").value(), "2026");
  const auto history = open.ledger.history(10).value();
  ASSERT_EQ(history.size(), 1);
  EXPECT_EQ(history[0].who, "uid 0 (root)");
  EXPECT_EQ(history[0].what, "accept_identity");
  EXPECT_EQ(history[0].subject, "42");
  EXPECT_THAT(history[0].detail, HasSubstr("7300000000000000001"));
  EXPECT_GT(history[0].at, at(-1'000'000'000'000));
}

TEST(Ledger, ReplacesTheListOfDatabases) {
  // The list is the server's, sorted by name; the same list again is no write and no error. D3
  OpenStore open;
  ASSERT_TRUE(open.ledger.record_databases({database("shop", 2), database("blog", 1)}));
  ASSERT_TRUE(open.ledger.record_databases({database("shop", 2), database("blog", 1)}));
  EXPECT_THAT(open.ledger.databases().value(),
              ElementsAre(database("blog", 1), database("shop", 2)));
  ASSERT_TRUE(open.ledger.record_databases({database("shop", 9)}));
  open.reopen();
  EXPECT_THAT(open.ledger.databases().value(), ElementsAre(database("shop", 9)));
}

TEST(Ledger, ForgetsADatabaseForAPerson) {
  // "It was meant": database and relations go, the last dump and the decision stay.
  OpenStore open;
  ASSERT_TRUE(open.ledger.record_databases({database("shop", 2), database("blog", 1)}));
  ASSERT_TRUE(open.ledger.record_relations("shop", {relation("orders"), relation("users")}));
  ASSERT_TRUE(open.ledger.record_relations("blog", {relation("posts")}));
  ASSERT_TRUE(open.ledger.record_definitions("shop", {at(0), "old"}));
  ASSERT_TRUE(open.ledger.record_definitions("shop", {at(1), "new"}));
  ASSERT_TRUE(open.ledger.forget_database("shop", "anna"));
  EXPECT_THAT(open.ledger.databases().value(), ElementsAre(database("blog", 1)));
  EXPECT_THAT(open.ledger.relations("shop").value(), IsEmpty());
  EXPECT_EQ(open.ledger.relations("blog").value().size(), 1);
  EXPECT_EQ(open.ledger.definitions("shop").value()->dump, "new");
  EXPECT_EQ(open.ledger.history(1).value().at(0).who, "anna");
  EXPECT_EQ(open.ledger.forget_database("shop", "anna").error().code, ErrorCode::NotFound);
  EXPECT_EQ(open.ledger.history(9).value().size(), 1) << "a refused call leaves no decision";
}

TEST(Ledger, ForgetsARelationForAPerson) {
  // Only the named relation of the named database goes; dots in names do not confuse it. D6
  OpenStore open;
  auto odd = relation("b.c");
  odd.schema = "a";
  ASSERT_TRUE(open.ledger.record_relations("shop", {relation("orders"), relation("users"), odd}));
  ASSERT_TRUE(open.ledger.record_relations("blog", {relation("orders")}));
  ASSERT_TRUE(open.ledger.forget_relation("shop", "public.orders", "anna"));
  ASSERT_TRUE(open.ledger.forget_relation("shop", "a.b.c", "anna"));
  const auto left = open.ledger.relations("shop").value();
  ASSERT_EQ(left.size(), 1);
  EXPECT_EQ(left[0].qualified(), "public.users");
  EXPECT_EQ(left[0].kind, 'p');
  EXPECT_EQ(open.ledger.relations("blog").value().size(), 1);
  const auto history = open.ledger.history(9).value();
  ASSERT_EQ(history.size(), 2);
  EXPECT_EQ(history[1].subject, "shop.public.orders");
  EXPECT_EQ(open.ledger.forget_relation("shop", "public.nil", "anna").error().code,
            ErrorCode::NotFound);
}

TEST(Ledger, KeepsTheLastDumps) {
  // The newest dump is given back byte for byte; no more than kDefinitionsKept stay on disk.
  OpenStore open;
  const std::string bytes("PGDMP\0\x01\xff'", 9);
  for (int i = 0; i < kDefinitionsKept + 3; ++i)
    ASSERT_TRUE(open.ledger.record_definitions("shop", {at(i), bytes + std::to_string(i)}));
  const auto newest = open.ledger.definitions("shop").value().value();
  EXPECT_EQ(newest.dump, bytes + std::to_string(kDefinitionsKept + 2));
  EXPECT_EQ(newest.taken_at, at(kDefinitionsKept + 2));
  EXPECT_FALSE(open.ledger.definitions("blog").value().has_value());
}

TEST(Ledger, RefusesADumpBeyondTheLimit) {
  // A dump that could fill the state directory is refused, the one before stays.
  OpenStore open;
  ASSERT_TRUE(open.ledger.record_definitions("shop", {at(0), "small"}));
  const auto refused =
      open.ledger.record_definitions("shop", {at(1), std::string((64 << 20) + 1, 'x')});
  EXPECT_EQ(refused.error().code, ErrorCode::NotSupported);
  EXPECT_EQ(open.ledger.definitions("shop").value()->dump, "small");
}

TEST(Ledger, KeepsConfigurationFilesExactly) {
  // Content, mode and owner come back as they were, so that they can be put back. D1
  OpenStore open;
  const KnownConfigFile file{"/etc/postgresql/pg_hba.conf", "host all all 0/0 reject\n", 0640, 105,
                             110};
  ASSERT_TRUE(open.ledger.record_config_files({file, {"/a", std::string("\0x", 2), 0600, 0, 0}}));
  open.reopen();
  const auto files = open.ledger.config_files().value();
  ASSERT_EQ(files.size(), 2);
  EXPECT_EQ(files[0].content, std::string("\0x", 2));
  EXPECT_EQ(files[1].path, file.path);
  EXPECT_EQ(files[1].content, file.content);
  EXPECT_EQ(files[1].mode, 0640U);
  EXPECT_EQ(files[1].uid, 105U);
  EXPECT_EQ(files[1].gid, 110U);
}

TEST(Ledger, KeepsSmallFacts) {
  // A fact never set reads empty; the last value wins and survives a restart.
  OpenStore open;
  EXPECT_EQ(open.ledger.fact("intended_stop").value(), "");
  ASSERT_TRUE(open.ledger.set_fact("intended_stop", "yes"));
  ASSERT_TRUE(open.ledger.set_fact("intended_stop", ""));
  ASSERT_TRUE(open.ledger.set_fact("paused_until", "2026-11-21T05:00:00Z"));
  open.reopen();
  EXPECT_EQ(open.ledger.fact("intended_stop").value(), "");
  EXPECT_EQ(open.ledger.fact("paused_until").value(), "2026-11-21T05:00:00Z");
}

}  // namespace
}  // namespace pgkeel::incident
