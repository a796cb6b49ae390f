// A guard that is pointed at what it cannot guard: one clear line, a hint, the right exit code, and
// nothing changed, neither in the data directory nor beside it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "integration/app/binary.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"
#include "support/template_cluster.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;

using testing::HasSubstr;
using testing::StartsWith;

constexpr int kFailed = 1;
constexpr int kConfiguration = 2;
constexpr int kNotPossible = 3;

const PostgresOptions kServer;

void expect_refused(const Ran& ran, int exit_code, std::string_view says) {
  EXPECT_EQ(ran.exit_code, exit_code) << ran.err;
  EXPECT_THAT(ran.err, StartsWith("pgkeel: "));
  EXPECT_THAT(ran.err, HasSubstr(says));
  EXPECT_THAT(ran.err, HasSubstr("\nHINT: "));
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 2) << ran.err;
  EXPECT_EQ(ran.out, "");
}

// Every file below `dir` with its size and time of change.
std::map<std::string, std::string> contents(const fs::path& dir) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    const auto changed = fs::last_write_time(entry).time_since_epoch().count();
    found[entry.path()] =
        fmt::format("{} {}", entry.is_regular_file() ? entry.file_size() : 0, changed);
  }
  return found;
}

// A stopped cluster and a configuration that asks for it to be guarded.
class BadInstance : public testing::Test {
 protected:
  BadInstance() : data_(binary_.dir() / "pg/data") {
    fs::permissions(binary_.dir(), fs::perms(0755));
    fs::create_directory(data_.parent_path());
    give_to_server(data_.parent_path());
    copy_template_cluster(kServer.bin_dir, kServer.major, data_);
  }
  void configure(const std::string& more = "") const {
    binary_.write("pgkeel.toml",
                  fmt::format("state_dir = \"state\"\n[http]\nlisten = \"off\"\n[instance]\n"
                              "kind = \"managed\"\ndata_dir = \"{}\"\n{}",
                              data_.string(), more));
  }
  void expect_guard_refuses(int exit_code, std::string_view says) const {
    const auto before = contents(binary_.dir());
    expect_refused(binary_.run({"guard"}), exit_code, says);
    EXPECT_EQ(contents(binary_.dir()), before);
  }

  Binary binary_;
  fs::path data_;
};

TEST_F(BadInstance, MissingPrograms) {
  // Goal: a directory without server programs is named.
  configure("bin_dir = \"/nowhere\"\n");
  expect_guard_refuses(kConfiguration, "/nowhere/postgres is no executable program");
}

TEST_F(BadInstance, AnotherMajorVersion) {
  // Goal: programs of another major are not run on the data directory (D3).
  configure();
  std::ofstream(data_ / "PG_VERSION") << "12\n";
  expect_guard_refuses(kConfiguration, "no server programs of PostgreSQL 12");
}

TEST_F(BadInstance, ProgramsOfAnotherMajorVersion) {
  // Goal: the same when the configuration names the wrong programs.
  configure(fmt::format("bin_dir = \"{}\"\n", kServer.bin_dir.string()));
  std::ofstream(data_ / "PG_VERSION") << "14\n";
  expect_guard_refuses(kNotPossible, "14");
}

TEST_F(BadInstance, OwnedByAnotherUser) {
  // Goal: a directory that is partly somebody else's is not started.
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  configure();
  ASSERT_EQ(::chown((data_ / "base").c_str(), 65534, 65534), 0);
  expect_guard_refuses(kNotPossible, "base");
}

TEST_F(BadInstance, OwnedByRoot) {
  // Goal: PostgreSQL does not run as root, so neither does a directory of root's.
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  configure();
  ASSERT_EQ(::chown(data_.c_str(), 0, 0), 0);
  expect_guard_refuses(kNotPossible, "root");
}

TEST_F(BadInstance, ReadableByOthers) {
  // Goal: a mode the server refuses is named with the command that mends it.
  configure();
  fs::permissions(data_, fs::perms(0755));
  expect_guard_refuses(kFailed, "has mode 0755");
}

TEST_F(BadInstance, Empty) {
  // Goal: an empty directory is never initialised in managed mode.
  configure();
  for (const auto& entry : fs::directory_iterator(data_)) fs::remove_all(entry);
  expect_guard_refuses(kNotPossible, "is empty");
}

TEST_F(BadInstance, HalfCopied) {
  // Goal: a copy that is not finished is not started.
  configure();
  fs::remove_all(data_ / "base");
  expect_guard_refuses(kNotPossible, "is incomplete: base is missing");
}

TEST_F(BadInstance, WithoutAControlFile) {
  // Goal: never pg_resetwal, never a start.
  configure();
  fs::remove(data_ / "global/pg_control");
  expect_guard_refuses(kNotPossible, "pg_control");
}

TEST_F(BadInstance, StateOnAFullDisk) {
  // Goal: a guard that could not write its journal does not begin.
  configure();
  const auto state = binary_.dir() / "state";
  fs::create_directory(state);
  if (::mount("tmpfs", state.c_str(), "tmpfs", 0, "size=16k") != 0)
    GTEST_SKIP() << "needs root and mounts";
  std::ofstream(state / "filler") << std::string(32U << 10U, 'x') << std::flush;
  const auto ran = binary_.run({"guard"});
  ::umount2(state.c_str(), MNT_DETACH);
  expect_refused(ran, kFailed, "its disk has");
}

TEST(BadServer, WrongPasswordAndDatabase) {
  // Goal: on the first start a login that is refused is a fault of the configuration; the server
  // runs on, and its access rules are not touched.
  PostgresServer server;
  server.query("alter role postgres password 'right'");
  server.set_hba("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
  const Binary binary;
  const auto guard = [&](std::string_view password, std::string_view database) {
    binary.write("pgkeel.toml",
                 fmt::format("state_dir = \"state\"\n[http]\nlisten = \"off\"\n[instance]\n"
                             "kind = \"managed\"\ndata_dir = \"{}\"\n"
                             "url = \"postgresql://postgres:{}@127.0.0.1:{}/{}\"\n",
                             server.data_dir().string(), password, server.port(), database));
    return binary.run({"guard"});
  };
  expect_refused(guard("wrong", "postgres"), kFailed, "password authentication failed");
  expect_refused(guard("right", "nowhere"), kNotPossible, "database \"nowhere\" does not exist");
  EXPECT_TRUE(server.running());
}

TEST(BadPlace, HttpPortTaken) {
  // Goal: who holds the port is named, before anything is guarded.
  PostgresServer server;
  const Binary binary;
  binary.write(
      "pgkeel.toml",
      fmt::format("state_dir = \"state\"\n[http]\nlisten = \"127.0.0.1:{}\"\n[instance]\n"
                  "kind = \"managed\"\ndata_dir = \"{}\"\nsocket_dir = \"{}\"\n",
                  server.port(), server.data_dir().string(), server.socket_dir().string()));
  expect_refused(binary.run({"guard"}), kNotPossible, "is taken by pid");
  EXPECT_TRUE(server.running());
}

TEST(BadPlace, EmbeddedWhereTheServerCannotGo) {
  // Goal: a private cluster below a directory that is closed to the server's account is refused,
  // and the directory that closes it is named.
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const Binary binary;
  fs::permissions(binary.dir(), fs::perms(0700));
  expect_refused(binary.run({"guard"}), kFailed, "is closed to it");
  EXPECT_TRUE(binary.listing().empty());
}

TEST(BadPlace, RemoteServers) {
  // Goal: on the very first start, what the configuration gets wrong about a remote server (its
  // name, the role, the password, the database) is refused before anything is made (B8).
  const Binary binary;
  const auto nowhere =
      binary.run({"guard"}, {{"DATABASE_URL", "postgresql://app@db.invalid/shop"}});
  expect_refused(nowhere, kFailed, "could not translate host name \"db.invalid\"");
  PostgresServer server;
  server.query("create role app login password 'hunter2'");
  server.set_hba("host all postgres all trust\nhost all all all scram-sha-256\n");
  const auto url = [&](std::string_view password, std::string_view database) {
    return fmt::format("postgresql://app:{}@127.0.0.1:{}/{}", password, server.port(), database);
  };
  const auto stranger = binary.run({"guard"}, {{"DATABASE_URL", url("wrong", "postgres")}});
  expect_refused(stranger, kFailed, "password authentication failed");
  const auto lost = binary.run({"guard"}, {{"DATABASE_URL", url("hunter2", "nothing")}});
  expect_refused(lost, kNotPossible, "database \"nothing\" does not exist");
  EXPECT_TRUE(binary.listing().empty());
}

}  // namespace
}  // namespace pgkeel::test
