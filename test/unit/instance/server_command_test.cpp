#include "instance/server_command.hpp"

#include <gmock/gmock.h>
#include <array>

#include "instance/systemd_scope.hpp"

namespace pgkeel::instance {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

ServerCommand plain() {
  ServerCommand command;
  command.bin_dir = "/bin15";
  command.data_dir = "/data";
  return command;
}

TEST(ServerCommand, IsProgramAndDirectory) {
  // Goal: nothing is added to a server that needs nothing.
  EXPECT_THAT(command_line(plain()), ElementsAre("/bin15/postgres", "-D", "/data"));
}

TEST(ServerCommand, NamesAConfigurationElsewhere) {
  // Goal: configuration in /etc is given by path, once.
  ServerCommand command = plain();
  command.config_file = "/etc/pg/postgresql.conf";
  EXPECT_THAT(command_line(command), ElementsAre("/bin15/postgres", "-D", "/data", "-c",
                                                 "config_file=/etc/pg/postgresql.conf"));
  command.options = {"-c", "config_file=/srv/pg.conf"};
  EXPECT_THAT(command_line(command),
              ElementsAre("/bin15/postgres", "-D", "/data", "-c", "config_file=/srv/pg.conf"));
}

TEST(ServerCommand, DoesNotGrowFromRestartToRestart) {
  // Goal: a setting of ours that the earlier run had too is given once, with today's value.
  ServerCommand command = plain();
  command.options = {"-c", "port=1", "-c", "work_mem=9MB", "-F"};
  command.settings = {{"port", "2"}};
  EXPECT_THAT(command_line(command), ElementsAre("/bin15/postgres", "-D", "/data", "-c",
                                                 "work_mem=9MB", "-F", "-c", "port=2"));
}

TEST(PostmasterOpts, ReadsWhatTheServerWrote) {
  // Goal: quoted words with blanks survive; program and data directory are left out.
  EXPECT_THAT(
      parse_postmaster_opts("/usr/lib/postgresql/15/bin/postgres \"-D\" \"/my data\" \"-c\" "
                            "\"config_file=/etc/a b.conf\" \"-p\" \"5433\"\n"),
      ElementsAre("-c", "config_file=/etc/a b.conf", "-p", "5433"));
  EXPECT_THAT(parse_postmaster_opts("/bin/postgres \"-D/data\"\n"), IsEmpty());
}

TEST(PostmasterOpts, IgnoresEverythingElse) {
  // Goal: a damaged file yields no options rather than wrong ones.
  for (const char* text : {"", "\n", "/bin/postgres", "\"", "/bin/postgres \"-c", "\"\"\"\" \""})
    for (const auto& option : parse_postmaster_opts(text))
      EXPECT_EQ(option.find('\n'), option.npos);
  EXPECT_THAT(parse_postmaster_opts("/bin/postgres"), IsEmpty());
}

TEST(PostmasterOpts, FindsTheConfigurationFile) {
  // Goal: both spellings of the option are known, the last one wins.
  const std::vector<std::string> options = {"-c", "config_file=/a", "--config-file=/b"};
  EXPECT_EQ(config_file_in(options), "/b");
  EXPECT_EQ(config_file_in({}), std::nullopt);
}

TEST(ServerEnvironment, RemovesWhatIsOursAndWhatIsSecret) {
  // Goal: libpq's, pgkeel's and the service manager's variables stay out; the rest is left alone.
  const std::array<const char*, 9> ambient = {"PATH=/bin",
                                              "PGPORT=9",
                                              "PGKEEL_MODE=act",
                                              "DATABASE_URL=x",
                                              "NOTIFY_SOCKET=/run/n",
                                              "LANG=de_DE",
                                              "POSTGRES_PASSWORD=x",
                                              "AWS_SECRET_KEY=x",
                                              "GH_TOKEN=x"};
  const EnvironmentChange change = server_environment(ambient, std::nullopt);
  EXPECT_THAT(change.remove, ElementsAre("PGPORT", "PGKEEL_MODE", "DATABASE_URL", "NOTIFY_SOCKET",
                                         "POSTGRES_PASSWORD", "AWS_SECRET_KEY", "GH_TOKEN"));
  EXPECT_THAT(change.set, Not(Contains(Pair("PG_GRANDPARENT_PID", testing::_))));
}

TEST(ServerEnvironment, HandsOnAStalePid) {
  // Goal: the verified stale pid reaches the server by the way pg_ctl uses.
  EXPECT_THAT(server_environment({}, 4711).set, Contains(Pair("PG_GRANDPARENT_PID", "4711")));
}

TEST(SystemdScope, IsNamedAfterItsServer) {
  // Goal: a pid at a time, a scope for each; the name is what the guide shows.
  EXPECT_EQ(scope_name(4711), "pgkeel-postgresql-4711.scope");
}

}  // namespace
}  // namespace pgkeel::instance
