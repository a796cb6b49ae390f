// psql on a real server.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "integration/app/binary.hpp"
#include "integration/app/fake_guard.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {
namespace {

using testing::HasSubstr;

std::string config_of(const PostgresServer& server, std::string_view more = {}) {
  return fmt::format("state_dir = \"s\"\n[instance]\ndata_dir = \"{}\"\nbin_dir = \"{}\"\n{}",
                     server.data_dir().string(), server.bin_dir().string(), more);
}

TEST(Psql, FindsTheServerWithoutAGuard) {
  // Goal: with no guard, postmaster.pid says where; as root psql becomes the data directory's
  // owner.
  const PostgresServer server;
  const Binary binary;
  binary.write("pgkeel.toml", config_of(server));
  const auto ran = binary.run({"psql", "-XAtc", "select 6 * 7"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "42\n");
}

TEST(Psql, AsksTheGuardWhere) {
  // Goal: the guard's conninfo is used, psql's own arguments win, its exit code is ours.
  const PostgresServer server;
  const Binary binary;
  binary.write("pgkeel.toml", config_of(server));
  FakeGuard guard(binary.dir() / "s");
  guard.where = fmt::format("host={} port={} user=postgres dbname=template1",
                            server.socket_dir().string(), server.port());
  EXPECT_EQ(binary.run({"psql", "-XAtc", "select current_database()"}).out, "template1\n");
  EXPECT_EQ(binary.run({"psql", "-XAtc", "select current_database()", "postgres"}).out,
            "postgres\n");
  EXPECT_EQ(binary.run({"psql", "-Xc", "select nonsense"}).exit_code, 1);
}

TEST(Psql, PasswordsTravelInTheEnvironment) {
  // Goal: a password of instance.url reaches the server and is in no argument.
  PostgresServer server;
  server.query("create role app login password 'hunter2'");
  server.set_hba("local all postgres trust\nlocal all all scram-sha-256\n");
  const Binary binary;
  binary.write("pgkeel.toml",
               config_of(server, fmt::format("url = \"host={} port={} user=app password=hunter2 "
                                             "dbname=postgres\"\n",
                                             server.socket_dir().string(), server.port())));
  const auto ran = binary.run({"psql", "-XAtc", "select current_user"});
  EXPECT_EQ(ran.out, "app\n") << ran.err;
  const auto title = binary.run({"psql", "-XAtc", "\\! tr '\\0' ' ' < /proc/$PPID/cmdline"});
  EXPECT_THAT(title.out, HasSubstr("psql"));
  EXPECT_EQ(title.out.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace pgkeel::test
