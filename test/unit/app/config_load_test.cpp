// The whole reader: precedence, kinds, defaults, and one clear error for each bad input.
#include <gmock/gmock.h>

#include "instance/instance.hpp"
#include "unit/app/config_text.hpp"

namespace pgkeel::app {
namespace {

using instance::Kind;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST(Config, NothingSetMeansEmbedded) {
  // Goal: with no file and no variables there is a private cluster under ./pgkeel-data.
  ConfigDir dir;
  const auto loaded = dir.load();
  EXPECT_EQ(loaded.config.instance.kind, Kind::Embedded);
  EXPECT_EQ(loaded.config.instance.data_dir, dir.path() / "pgkeel-data/data");
  EXPECT_EQ(loaded.config.state_dir, dir.path() / "pgkeel-data/state");
  EXPECT_EQ(loaded.config.guard_socket(), dir.path() / "pgkeel-data/state/guard.sock");
  EXPECT_EQ(loaded.config.sense.login_every, Millis(5'000));
  EXPECT_EQ(loaded.config.recover.restarts, RestartBudget());
  EXPECT_EQ(loaded.config.http.listen, (ListenAddress{"127.0.0.1", 8432}));
  EXPECT_TRUE(loaded.config.file.empty());
}

TEST(Config, DefaultsAreThoseOfTheStruct) {
  // Goal: the table and the member initialisers cannot drift apart.
  ConfigDir dir;
  const auto config = dir.load().config;
  const Config plain;
  EXPECT_EQ(config.sense.in_doubt, plain.sense.in_doubt);
  EXPECT_EQ(config.sense.timeout, plain.sense.timeout);
  EXPECT_EQ(config.sense.confirm, plain.sense.confirm);
  EXPECT_EQ(config.sense.write_every, plain.sense.write_every);
  EXPECT_EQ(config.sense.watch_every, plain.sense.watch_every);
  EXPECT_EQ(config.recover.hung_after, plain.recover.hung_after);
  EXPECT_EQ(config.recover.watch_for, plain.recover.watch_for);
  EXPECT_EQ(config.recover.missing_table, plain.recover.missing_table);
  EXPECT_EQ(config.recover.missing_database, plain.recover.missing_database);
  EXPECT_EQ(config.mode, plain.mode);
  EXPECT_EQ(config.log.format, plain.log.format);
  EXPECT_EQ(config.log.level, plain.log.level);
}

TEST(Config, LaterSourcesWin) {
  // Goal: file < env_file < environment < flags, and each value says where it came from (B13).
  ConfigDir dir;
  dir.write("pgkeel.toml",
            "env_file = \"app.env\"\n[sense]\nin_doubt = \"2s\"\ntimeout = \"3s\"\n"
            "login_every = \"4s\"\nconfirm = 7\n");
  dir.write("app.env",
            "PGKEEL_SENSE_TIMEOUT=3100ms\nPGKEEL_SENSE_LOGIN_EVERY=4100ms\n"
            "PGKEEL_SENSE_CONFIRM=8\nOTHER=x\n");
  dir.sources.environment = {{"PGKEEL_SENSE_LOGIN_EVERY", "4200ms"}, {"PGKEEL_SENSE_CONFIRM", "9"}};
  dir.sources.flags = {{"sense.confirm", "10", "--set"}};
  const auto loaded = dir.load();
  EXPECT_EQ(loaded.config.sense.in_doubt, Millis(2'000));
  EXPECT_EQ(loaded.config.sense.timeout, Millis(3'100));
  EXPECT_EQ(loaded.config.sense.login_every, Millis(4'200));
  EXPECT_EQ(loaded.config.sense.confirm, 10);
  EXPECT_EQ(setting_of(loaded, "sense.in_doubt").origin, "pgkeel.toml:3");
  EXPECT_EQ(setting_of(loaded, "sense.timeout").origin, "app.env:1 PGKEEL_SENSE_TIMEOUT");
  EXPECT_EQ(setting_of(loaded, "sense.login_every").origin, "PGKEEL_SENSE_LOGIN_EVERY");
  EXPECT_EQ(setting_of(loaded, "sense.confirm").origin, "--set");
  EXPECT_EQ(setting_of(loaded, "sense.watch_every").origin, "default");
}

TEST(Config, AppVariablesMeanRemoteOnlyWithoutAFile) {
  // Goal: DATABASE_URL alone is remote mode with 60 s logins; a file or PGKEEL_ key outranks it.
  ConfigDir dir;
  dir.sources.environment = {{"DATABASE_URL", "postgresql+asyncpg://u:hunter2@db/shop"}};
  auto loaded = dir.load();
  EXPECT_EQ(loaded.config.instance.kind, Kind::Remote);
  EXPECT_EQ(loaded.config.sense.login_every, Millis(60'000));
  EXPECT_EQ(setting_of(loaded, "instance.url").origin, "DATABASE_URL");
  EXPECT_THAT(setting_of(loaded, "instance.url").value, Not(HasSubstr("hunter2")));

  dir.sources.environment["PGKEEL_INSTANCE_DATA_DIR"] = "/data";
  EXPECT_EQ(dir.load().config.instance.kind, Kind::Managed);
  dir.sources.environment.erase("PGKEEL_INSTANCE_DATA_DIR");
  dir.write("pgkeel.toml", "mode = \"act\"\n");
  EXPECT_EQ(dir.load().config.instance.kind, Kind::Embedded);
  dir.write("pgkeel.toml", "[instance]\nkind = \"remote\"\n");
  EXPECT_EQ(setting_of(dir.load(), "instance.url").origin, "DATABASE_URL");
}

TEST(Config, KindFollowsFromWhatIsGiven) {
  // Goal: a data directory means managed, a container means container, a url alone means remote.
  ConfigDir dir;
  dir.write("pgkeel.toml", "[instance]\ndata_dir = \"/pg\"\nurl = \"postgresql:///x\"\n");
  EXPECT_EQ(dir.load().config.instance.kind, Kind::Managed);
  EXPECT_EQ(dir.load().config.state_dir, "/var/lib/pgkeel");
  dir.write("pgkeel.toml", "[instance]\ncontainer = \"pg\"\n");
  EXPECT_EQ(dir.load().config.instance.kind, Kind::Container);
  dir.write("pgkeel.toml", "[instance]\nurl = \"postgresql://h/x\"\n");
  EXPECT_EQ(dir.load().config.instance.kind, Kind::Remote);
}

TEST(Config, RelativePathsStartWhereTheyAreWritten) {
  // Goal: a path in a file is relative to the file, one in the environment to where we stand.
  ConfigDir dir;
  dir.write("conf/pgkeel.toml", "state_dir = \"state/\"\n[http]\ntoken_file = \"../token\"\n");
  dir.sources.file = "conf/pgkeel.toml";
  dir.sources.environment = {{"PGKEEL_INSTANCE_BIN_DIR", "bin"}};
  const auto config = dir.load().config;
  EXPECT_EQ(config.state_dir, dir.path() / "conf/state");
  EXPECT_EQ(config.http.token_file, dir.path() / "token");
  EXPECT_EQ(config.instance.bin_dir, dir.path() / "bin");
  EXPECT_EQ(config.instance.data_dir, dir.path() / "conf/pgkeel-data/data");
  EXPECT_EQ(config.instance.socket_dir, dir.path() / "conf/pgkeel-data/run");
  dir.write("conf/pgkeel.toml", "[instance]\nkind = \"embedded\"\ndata_dir = \"mine/data\"\n");
  EXPECT_EQ(dir.load().config.instance.socket_dir, dir.path() / "conf/mine/run");
}

TEST(Config, TheSystemFileIsTheSecondPlaceToLook) {
  // Goal: ./pgkeel.toml first, then /etc/pgkeel/pgkeel.toml, whose embedded cluster is not in /etc.
  ConfigDir dir;
  dir.write("etc/pgkeel.toml", "mode = \"advise\"\n");
  EXPECT_EQ(dir.load().config.mode, Mode::Advise);
  EXPECT_EQ(dir.load().config.instance.data_dir, "/var/lib/pgkeel/pgkeel-data/data");
  dir.write("pgkeel.toml", "mode = \"act\"\n");
  EXPECT_EQ(dir.load().config.mode, Mode::Act);
}

constexpr const char* kContractsExample = R"(state_dir = "/var/lib/pgkeel"
mode = "act"
[instance]
kind = "managed"
data_dir = "/var/lib/postgresql/15/main"
bin_dir = "/usr/lib/postgresql/15/bin"
unit = "postgresql@15-main"
container = "soulnear_postgres"
engine_socket = "/var/run/docker.sock"
url = "postgresql://postgres@/postgres?host=/var/run/postgresql"
databases = ["soul_bot"]
required_tables = ["soul_bot.public.aiogram_states"]
[sense]
login_every = "5s"
in_doubt = "1s"
timeout = "2s"
confirm = 2
[[invariant]]
database = "soul_bot"
sql = "select count(*) from users"
expect = "> 0"
[[after_recovery]]
command = "docker restart api"
[[after_recovery]]
url = "https://example.org/hook"
[recover]
missing_table = "recreate-empty"
restarts = "5 per 300s"
[archive]
store = "/var/lib/pgkeel/archive"
durability = "async"
sync_on_loss = "degrade after 10s"
full_every = "24h"
keep = "7d"
drill_every = "24h"
encryption_key_file = "/etc/pgkeel/archive.key"
[archive.offsite]
store = "s3://vedfinance-backups/prod"
endpoint = "https://s3.example.org"
keep = "30d"
[shadow]
enabled = true
data_dir = "/shadow"
hold = "30min"
undrop = "on-demand"
[gateway]
listen = "127.0.0.1:6543"
pool = "session"
size = 20
hold_max = "25s"
tls_cert = "/etc/ssl/pg.pem"
auth = "verifier"
commit_proof = "on"
[migrate]
dir = "migrations"
format = "auto"
on_start = true
[maintain]
daily = "03:00"
health = "6h"
quick = "2h"
timezone = "UTC"
[[maintain.cleanup]]
table = "public.events"
column = "created_at"
older_than = "30d"
[limits]
storage = "10GB"
connections = 100
warn_at = 0.8
[http]
listen = "127.0.0.1:8432"
token_file = "/etc/pgkeel/token"
[[alert]]
kind = "telegram"
token_file = "/etc/pgkeel/telegram"
chat_id = "-100"
min_severity = "warning"
[escalate]
"0m" = ["log"]
"5m" = ["telegram"]
"30m" = ["telegram"]
)";

TEST(Config, TheContractsExampleIsAccepted) {
  // Goal: every key of the contract is known and valid; those without a part say so.
  ConfigDir dir;
  dir.write("pgkeel.toml", kContractsExample);
  const auto loaded = dir.load();
  EXPECT_EQ(loaded.config.recover.missing_table, MissingPolicy::RecreateEmpty);
  EXPECT_EQ(loaded.config.recover.missing_database, MissingPolicy::RecreateEmpty);
  EXPECT_EQ(loaded.config.instance.required_tables.front().qualified(),
            "soul_bot.public.aiogram_states");
  EXPECT_TRUE(setting_of(loaded, "sense.login_every").in_effect);
  for (const auto* key : {"gateway.commit_proof", "migrate.dir", "maintain.cleanup[1].table"}) {
    EXPECT_FALSE(setting_of(loaded, key).in_effect) << key;
  }
}

struct Bad {
  const char* text;
  ErrorCode code;
  const char* says;
  const char* hints;
};

TEST(Config, EachBadInputIsOneClearLine) {
  // Goal: a wrong value names the key, the place and what would be right; exit code 2.
  ConfigDir dir;
  for (const auto& [text, code, says, hints] : {
           Bad{"mode = \"acting\"", ErrorCode::ConfigBadValue,
               "mode = \"acting\" (pgkeel.toml:1) is not one of its choices",
               "one of: act, advise"},
           Bad{"mode = 5", ErrorCode::ConfigBadValue,
               "mode = \"5\" (pgkeel.toml:1) has the wrong type", "act"},
           Bad{"mode = [\"act\"]", ErrorCode::ConfigBadValue, "has the wrong type", "act"},
           Bad{"[instance]\nport = 70000", ErrorCode::ConfigBadValue, "is out of range", "65535"},
           Bad{"[instance]\nport = 2020-01-01", ErrorCode::ConfigBadValue, "wrong type", "65535"},
           Bad{"[instance]\nkind = \"embedded\"\ndata_dir = []", ErrorCode::ConfigBadValue,
               "wrong type", "a path"},
           Bad{"[instance]\ndatabases = \"a\"", ErrorCode::ConfigBadValue, "is not a list",
               "[\"a\""},
           Bad{"[instance]\ndatabases = [1]", ErrorCode::ConfigBadValue, "is not a list", "[\"a\""},
           Bad{"[instance]\nrequired_tables = [\"users\"]", ErrorCode::ConfigBadValue,
               "instance.required_tables = \"users\"", "database.schema.table"},
           Bad{"[sense]\nlogin_every = \"5\"", ErrorCode::ConfigBadValue, "is not understood",
               "unit"},
           Bad{"[sense]\nlogin_every = 5", ErrorCode::ConfigBadValue, "wrong type", "unit"},
           Bad{"[sense]\nin_doubt = \"10s\"", ErrorCode::ConfigBadValue,
               "longer than sense.login_every (5s)", "configuration.md"},
           Bad{"[recover]\nrestarts = \"often\"", ErrorCode::ConfigBadValue, "recover.restarts",
               "5 per 300s"},
           Bad{"[http]\nlisten = \"8432\"", ErrorCode::ConfigBadValue, "http.listen",
               "127.0.0.1:8432"},
           Bad{"[[alert]]\nchat_id = 5", ErrorCode::ConfigBadValue,
               "alert[1] (pgkeel.toml:2) has no kind", "configuration.md"},
           Bad{"[[after_recovery]]\ncommand = \"a\"\nurl = \"http://b\"", ErrorCode::ConfigBadValue,
               "either a command or a url", "configuration.md"},
           Bad{"[escalate]\nsoon = [\"log\"]", ErrorCode::ConfigBadValue,
               "'soon' is not a duration", "list"},
           Bad{"[instance]\nkind = \"managed\"", ErrorCode::ConfigBadValue,
               "instance.data_dir is not set", "PGKEEL_INSTANCE_DATA_DIR"},
           Bad{"[instance]\nkind = \"container\"", ErrorCode::ConfigBadValue,
               "instance.container is not set", "PGKEEL_INSTANCE_CONTAINER"},
           Bad{"[instance]\nkind = \"remote\"", ErrorCode::ConfigBadValue,
               "instance.url is not set", "PGKEEL_INSTANCE_URL"},
           Bad{"state_dir = \"/pg/state\"\n[instance]\ndata_dir = \"/pg\"",
               ErrorCode::ConfigBadValue, "inside the data directory", "configuration.md"},
           Bad{"state_dir = \"\"", ErrorCode::ConfigBadValue, "state_dir", "a path"},
           Bad{"env_file = \"missing.env\"", ErrorCode::ConfigUnreadable,
               "cannot read env_file missing.env (pgkeel.toml:1)", "exists"},
           Bad{"режим = \"act\"", ErrorCode::ConfigSyntax, "pgkeel.toml:1:1", "line"},
           Bad{"[.instance]", ErrorCode::ConfigSyntax, "pgkeel.toml:1:2", "line"},
           Bad{"mode = ", ErrorCode::ConfigSyntax, "pgkeel.toml:1:", "config check"},
           Bad{"mode = \"act\"\nmode = \"act\"", ErrorCode::ConfigSyntax, "pgkeel.toml:2:", "line"},
           Bad{"moed = \"act\"", ErrorCode::ConfigUnknownKey, "did you mean 'mode'?", "name"},
       }) {
    dir.write("pgkeel.toml", text);
    const auto error = dir.error();
    EXPECT_EQ(error.code, code) << text << ": " << error.message();
    EXPECT_THAT(error.message(), HasSubstr(says)) << text;
    EXPECT_THAT(std::string(error.hint()), HasSubstr(hints)) << text;
    EXPECT_EQ(error.exit_number(), 2) << text;
  }
}

TEST(Config, ANamedFileMustExist) {
  // Goal: --config with a wrong path is an error, never a silent default.
  ConfigDir dir;
  dir.sources.file = "nowhere.toml";
  EXPECT_EQ(dir.error().code, ErrorCode::ConfigUnreadable);
  EXPECT_THAT(dir.error().message(), HasSubstr("cannot read nowhere.toml"));
}

TEST(Config, BadSecretsAreNotRepeated) {
  // Goal: a connection string that cannot be read is refused without showing it.
  ConfigDir dir;
  dir.write("pgkeel.toml", "[instance]\nurl = \"postgresql://u:hunter2@h:port/x\"\n");
  EXPECT_EQ(dir.error().code, ErrorCode::ConfigBadValue);
  EXPECT_THAT(dir.error().message(), AllOf(HasSubstr("instance.url"), Not(HasSubstr("hunter2"))));
}

TEST(Config, AllProblemsAreFound) {
  // Goal: `config check` can name everything that is wrong in one run.
  ConfigDir dir;
  dir.write("pgkeel.toml", "moed = 1\nmode = \"x\"\n[sense]\nconfirm = 0\nlogin_evry = \"1s\"\n");
  EXPECT_EQ(read_config(dir.sources).problems.size(), 4U);
}

TEST(Config, FlagsAreCheckedLikeEverythingElse) {
  // Goal: an unknown or bad --set is an error that names the flag.
  ConfigDir dir;
  dir.sources.flags = {{"sense.confirmm", "2", "--set"}};
  EXPECT_THAT(dir.error().message(), HasSubstr("'sense.confirmm' in --set, did you mean"));
  dir.sources.flags = {{"log.format", "xml", "--log-format"}};
  EXPECT_THAT(dir.error().message(), HasSubstr("log.format = \"xml\" (--log-format)"));
}

}  // namespace
}  // namespace pgkeel::app
