// The rules about what the server stands on: programs, file system, owner and mode, and the name
// its container goes by.
#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Data of 15, by its version file and its control file.
Instance of_15(Instance instance) {
  instance.known.identity->major = 15;
  instance.seen.files.data_dir.major = instance.seen.files.data_dir.control->major = 15;
  instance.seen.files.programs_major = 15;
  return instance;
}

TEST(WrongMajor, IsNamedBeforeAnythingIsStarted) {
  // Goal: programs of another major are named with both numbers and the way back (C2, D5).
  Instance instance = of_15(killed());
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::ServerKilled));
  instance.seen.files.programs_major = 17;
  const auto first = instance.findings().front();
  EXPECT_EQ(first.cause, Cause::WrongMajor);
  EXPECT_TRUE(first.wait);
  EXPECT_THAT(first.summary, HasSubstr("of PostgreSQL 15, but the programs"));
  EXPECT_THAT(first.summary, HasSubstr("of 17"));
  EXPECT_THAT(first.hint, HasSubstr("/usr/lib/postgresql/15/bin"));
  EXPECT_THAT(first.hint, HasSubstr("never pg_resetwal"));
}

TEST(WrongMajor, IsReadFromTheServersWordsInAContainer) {
  // Goal: an image that says nothing of its major is known by what its server said, and the former
  // image is named (C2, D3).
  Instance instance = of_15(stopped_cleanly());
  in_container(instance).container.image = "postgres:18";
  instance.known.image = "postgres:15";
  instance.known.identity->image_digest = "sha256:abc";
  instance.seen.files.programs_major = 0;
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::StoppedByOperator));
  log(instance, pg::Signature::FilesIncompatible,
      "database files are incompatible with server (The data directory was initialized by "
      "PostgreSQL version 15, which is not compatible with this version 18.1.)");
  const auto first = instance.findings().front();
  EXPECT_EQ(first.cause, Cause::WrongMajor);
  EXPECT_FALSE(first.severity.has_value());
  EXPECT_THAT(first.hint, HasSubstr("it was postgres:15 (sha256:abc) (now: postgres:18)"));
  EXPECT_THAT(first.hint, HasSubstr("run it again as it was, with the image sha256:abc"));
  instance.seen.files.data_dir.major = instance.seen.files.data_dir.control->major = 18;
  EXPECT_FALSE(has(instance, Cause::WrongMajor));
}

TEST(WrongMajor, NamesTheComposeServiceAndTheImageById) {
  // Goal: D5: the tag has moved, so the image is named by its id, and the commands by what Compose
  // wrote on the container; nothing is said of an image that is the present one.
  Instance instance = of_15(stopped_cleanly());
  auto& container = in_container(instance).container;
  container.image_digest = "sha256:def";
  container.labels = {{"com.docker.compose.service", "db"},
                      {"com.docker.compose.project.config_files", "/srv/shop/compose.yml"}};
  instance.known.identity->image_digest = "sha256:abc";
  instance.seen.files.programs_major = 18;
  const auto hint = instance.findings().front().hint;
  EXPECT_THAT(hint, HasSubstr("'docker image inspect sha256:abc'"));
  EXPECT_THAT(hint, HasSubstr("with 'image: sha256:abc' for the service db in "
                              "/srv/shop/compose.yml, 'docker compose -f /srv/shop/compose.yml "
                              "up -d db'"));
  container.image_digest = "sha256:abc";
  EXPECT_THAT(instance.findings().front().hint, testing::Not(HasSubstr("docker image inspect")));
}

TEST(WrongMajor, IsAWarningWhileTheServerIsStoppedOnPurpose) {
  // Goal: an upgrade in progress is named mildly.
  Instance instance = of_15(stopped_cleanly());
  instance.seen.files.programs_major = 16;
  EXPECT_EQ(instance.findings().front().cause, Cause::WrongMajor);
  EXPECT_EQ(instance.findings().front().severity, incident::Severity::Warning);
}

TEST(WrongMajor, IsAVersionFileThatDisagreesWithTheControlFile) {
  // Goal: a replaced PG_VERSION is told from other programs: the data is what pg_control says.
  Instance instance = of_15(killed());
  instance.seen.files.data_dir.major = 14;
  const auto first = instance.findings().front();
  EXPECT_EQ(first.cause, Cause::WrongMajor);
  EXPECT_THAT(first.summary, HasSubstr("PG_VERSION says 14, but the data is of PostgreSQL 15"));
  EXPECT_THAT(first.hint, HasSubstr("write 15 into it again"));
}

TEST(WrongMajor, IsProgramsThatAreGoneAndDataNobodyReads) {
  // Goal: a removed package, and data newer than this guard, have the same name.
  Instance removed = of_15(killed());
  removed.seen.files.programs_major = 0;
  removed.seen.files.programs_missing = "no postgres in /usr/lib/postgresql/15/bin";
  EXPECT_EQ(removed.causes().front(), Cause::WrongMajor);
  Instance newer = of_15(killed());
  newer.seen.files.data_dir.major = 21;
  newer.seen.files.data_dir.control.reset();
  newer.seen.files.data_dir.control_error = Error(ErrorCode::Unsupported, "pg_control 2100");
  EXPECT_EQ(newer.causes().front(), Cause::WrongMajor);
}

TEST(WrongMajor, IsNotSaidOfAStrangersDataOrARunningServer) {
  // Goal: identity comes first, and a server that runs has the right programs.
  Instance strange = of_15(killed());
  strange.seen.files.programs_major = 17;
  replace_by_stranger(strange);
  EXPECT_FALSE(has(strange, Cause::WrongMajor));
  Instance running = of_15(healthy());
  running.seen.files.programs_major = 17;
  EXPECT_THAT(running.causes(), IsEmpty());
}

TEST(ReadOnlyFilesystem, IsNamedWhetherTheServerRunsOrNot) {
  // Goal: the mount and the command that undoes it; no start is tried on it (C2, D6).
  for (Instance instance : {killed(), healthy()}) {
    instance.seen.files.data_dir.read_only = disk();
    const auto first = instance.findings().front();
    EXPECT_EQ(first.cause, Cause::ReadOnlyFilesystem);
    EXPECT_TRUE(first.wait);
    EXPECT_FALSE(first.severity.has_value());
    EXPECT_THAT(first.summary, HasSubstr("/var/lib/postgresql (ext4 on /dev/sdb1)"));
    EXPECT_THAT(first.hint, HasSubstr("findmnt -T /var/lib/postgresql"));
  }
}

TEST(ReadOnlyFilesystem, IsAWarningAfterACleanStop) {
  // Goal: somebody checks the disk; the server is not missed.
  Instance instance = stopped_cleanly();
  instance.seen.files.data_dir.read_only = disk();
  EXPECT_EQ(instance.findings().front().cause, Cause::ReadOnlyFilesystem);
  EXPECT_EQ(instance.findings().front().severity, incident::Severity::Warning);
}

TEST(ReadOnlyFilesystem, IsAContainersMountToo) {
  // Goal: ":ro" on the volume is named as such, not as the host's disk (D3).
  Instance instance = killed();
  in_container(instance).container.mounts = {
      {"volume", "pgdata", "/vol", "/var/lib/postgresql/data", false}};
  const auto first = instance.findings().front();
  EXPECT_EQ(first.cause, Cause::ReadOnlyFilesystem);
  EXPECT_THAT(first.hint, HasSubstr("':ro'"));
}

Instance renamed(Instance instance, bool running) {
  auto& facts = in_container(instance);
  facts.exists = false;
  facts.container = {};
  instance.seen.hosting.missing_since = kNow - Seconds(10);
  facts.others = {{"redis", true, "/srv/redis", std::nullopt},
                  {"shop-db-1", running, "/var/lib/postgresql/15/main", kOurs}};
  return instance;
}

TEST(ContainerRenamed, IsNamedInsteadOfAMissingOne) {
  // Goal: the container that has the known data is named with the line to set (C2, D3).
  const auto instance = renamed(killed(), false);
  const auto first = instance.findings().front();
  EXPECT_EQ(first.cause, Cause::ContainerRenamed);
  EXPECT_TRUE(first.wait);
  EXPECT_THAT(first.hint, HasSubstr("instance.container = \"shop-db-1\""));
  EXPECT_FALSE(has(instance, Cause::ContainerMissing));
}

TEST(ContainerRenamed, IsOnlyAWarningWhileItServesAndOnlyAfterAWhile) {
  // Goal: a healthy server under another name; the moment in which an engine re-creates a
  // container is no rename.
  Instance instance = renamed(healthy(), true);
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::ContainerRenamed));
  EXPECT_EQ(instance.findings().front().severity, incident::Severity::Warning);
  instance.seen.hosting.missing_since = kNow - Seconds(1);
  EXPECT_THAT(instance.causes(), IsEmpty());
}

TEST(ContainerRenamed, NeedsTheKnownData) {
  // Goal: another cluster's container is not ours, whatever its name; one whose control file is
  // unreadable is known by its place.
  Instance instance = renamed(killed(), true);
  auto& other = instance.seen.hosting.facts->others.back();
  other.system_id = kStranger;
  EXPECT_EQ(instance.causes().front(), Cause::ContainerMissing);
  other.system_id.reset();
  EXPECT_EQ(instance.causes().front(), Cause::ContainerRenamed);
  other.data_dir = "/elsewhere";
  EXPECT_EQ(instance.causes().front(), Cause::ContainerMissing);
}

Instance owned(Instance instance) {
  instance.known.owner = "104:106";
  auto& facts = instance.seen.files.data_dir;
  facts.owner = runtime::Account{"postgres", 104, 106, "/var/lib/postgresql"};
  facts.mode = 0700;
  return instance;
}

TEST(WrongPermissions, NamesModeAndOwnerWithTheirCommands) {
  // Goal: what PostgreSQL would refuse is said before it is tried, with what undoes it (C2, D6).
  EXPECT_FALSE(has(owned(killed()), Cause::WrongPermissions));
  for (const unsigned mode : {0755U, 0770U, 0500U}) {
    Instance open = owned(killed());
    open.seen.files.data_dir.mode = mode;
    const auto first = open.findings().front();
    EXPECT_EQ(first.cause, Cause::WrongPermissions) << mode;
    EXPECT_EQ(first.hint, "'chmod 0700 /var/lib/postgresql/15/main'");
  }
  Instance roots = owned(killed());
  roots.seen.files.data_dir.owner = runtime::Account{"root", 0, 0, "/root"};
  EXPECT_EQ(roots.findings().front().hint, "'chown -R 104:106 /var/lib/postgresql/15/main'");
  Instance copied = owned(killed());
  copied.seen.files.data_dir.foreign_part = "PG_VERSION is owned by root";
  EXPECT_THAT(copied.findings().front().summary, HasSubstr("PG_VERSION is owned by root"));
}

TEST(WrongPermissions, AnotherOwnerThroughoutIsKnownFromTheLedger) {
  // Goal: a directory given to another user as a whole is not run as that user.
  Instance given = owned(killed());
  given.seen.files.data_dir.owner = runtime::Account{"www-data", 33, 33, "/var/www"};
  EXPECT_EQ(given.causes().front(), Cause::WrongPermissions);
  given.known.owner.clear();
  EXPECT_FALSE(has(given, Cause::WrongPermissions));
}

TEST(WrongPermissions, InAContainerNeedsTheServersComplaint) {
  // Goal: entry points mend owner and mode; only what the server refused is named (D3).
  Instance instance = owned(killed());
  in_container(instance);
  instance.seen.files.data_dir.mode = 0777;
  EXPECT_FALSE(has(instance, Cause::WrongPermissions));
  log(instance, pg::Signature::WrongPermissions,
      "data directory \"/var/lib/postgresql/data\" has invalid permissions");
  EXPECT_EQ(instance.causes().front(), Cause::WrongPermissions);
  EXPECT_THAT(instance.findings().front().evidence, SizeIs(2));
}

}  // namespace
}  // namespace pgkeel::diagnose
