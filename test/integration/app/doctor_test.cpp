// doctor on a real server it knows by its address only: the health section, an application's log,
// a damaged index.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <fstream>

#include "integration/app/binary.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int kWell = 0;
constexpr int kWarning = 3;
constexpr int kCritical = 1;

class Doctor : public testing::Test {
 protected:
  Doctor() {
    binary_.write("pgkeel.toml", "[instance]\nkind = \"remote\"\nurl = \"" + server_.conninfo() +
                                     "\"\n[[app_log]]\npath = \"app.log\"\n[http]\n"
                                     "listen = \"off\"\n");
    binary_.write("app.log", "");
    server_.query("create table orders (id int primary key, n int default 7)");
    server_.query("insert into orders select generate_series(1, 3000)");
  }
  Ran ask(std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"doctor", "--config",
                                     (binary_.dir() / "pgkeel.toml").string()};
    args.insert(args.end(), more.begin(), more.end());
    return binary_.run(args);
  }
  nlohmann::json report(std::vector<std::string> more = {}) {
    more.emplace_back("--json");
    return nlohmann::json::parse(ask(more).out, nullptr, false);
  }

  PostgresServer server_;
  Binary binary_;
};

TEST_F(Doctor, SaysHowWellAServerIs) {
  // Goal: B14 D12: a healthy server is 0, a broken index 3 and named with its repair; sizes and how
  // to get what is not installed stand there, on the screen too.
  const auto well = ask();
  EXPECT_EQ(well.exit_code, kWell) << well.out << well.err;
  EXPECT_THAT(well.out, HasSubstr("Health"));
  EXPECT_THAT(well.out, HasSubstr("pg_stat_statements is not installed"));
  EXPECT_ANY_THROW(server_.query("create unique index concurrently n_key on orders (n)"));
  const auto warned = ask();
  EXPECT_EQ(warned.exit_code, kWarning) << warned.out;
  EXPECT_THAT(warned.out, HasSubstr("its health has 1 warning"));
  EXPECT_THAT(warned.out, HasSubstr("n_key"));
  const auto json = report();
  EXPECT_EQ(json["health"]["invalid_indexes"][0]["name"], "n_key");
  EXPECT_EQ(json["health"]["largest_tables"][0]["name"], "orders");
  EXPECT_EQ(json["health"]["databases"][0]["tables"], 1);
}

// Ended with the year 2020.
constexpr const char* kEnded = R"(-----BEGIN CERTIFICATE-----
MIHrMIGSAgEBMAoGCCqGSM49BAMCMAAwIhgPMjAyMDAxMDEwMDAwMDBaGA8yMDIx
MDEwMTAwMDAwMFowADBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLxFyn04+ggc
XahnMGVg9S61kHZPlX89MzQEFUfXzK9snl2gA7oivE/ePb/ODMWlqDV+un6IjAee
mkznLD/5n5UwCgYIKoZIzj0EAwIDSAAwRQIgDsJLAGztITznC8yzPInQy2U6fGPE
OyUw+0TG2nIpsJgCIQDM4da8rtVy26MnbcAo3rd2kdrXe2jwvtu/UvjHnkxygg==
-----END CERTIFICATE-----
)";

TEST_F(Doctor, WarnsOfTheServersCertificate) {
  // Goal: K42: a server that can be reached well shows clients a certificate that has ended.
  std::ofstream(server_.data_dir() / "server.crt") << kEnded;
  std::ofstream(server_.data_dir() / "postgresql.conf", std::ios::app) << "\nssl = on\n";
  binary_.write("pgkeel.toml", "[instance]\nkind = \"managed\"\ndata_dir = \"" +
                                   server_.data_dir().string() + "\"\nbin_dir = \"" +
                                   server_.bin_dir().string() + "\"\nurl = \"" +
                                   server_.conninfo() + "\"\n[http]\nlisten = \"off\"\n");
  const auto warned = ask();
  EXPECT_EQ(warned.exit_code, kWarning) << warned.out << warned.err;
  EXPECT_THAT(report()["health"]["lines"].dump(), HasSubstr("ended on 2021-01-01"));
}

TEST_F(Doctor, ReadsTheApplicationsLog) {
  // Goal: K53 K54: what the application said of the database is told, without its secrets; what is
  // no file is said not to be seen.
  const auto now = to_iso8601(wall_now());
  binary_.write("app.log",
                now +
                    " ERROR asyncpg UndefinedTableError: relation \"aiogram_states\" does not "
                    "exist [SQL: insert into x values ('private')]\n" +
                    now +
                    " ERROR could not translate host name \"db\" in "
                    "postgresql://app:hidden@db/shop\n" +
                    "2020-01-01T00:00:00Z deadlock detected\n");
  const auto json = report();
  ASSERT_EQ(json["applications"].size(), 2U) << json.dump(1);
  EXPECT_EQ(json["applications"][0]["trouble"], "unknown_host");
  EXPECT_EQ(json["applications"][1]["trouble"], "missing_relation");
  EXPECT_THAT(json.dump(), Not(HasSubstr("hidden")));
  EXPECT_THAT(json.dump(), Not(HasSubstr("private")));
  EXPECT_THAT(ask().out, HasSubstr("App says    "));
  std::filesystem::remove(binary_.dir() / "app.log");
  EXPECT_THAT(report()["sources"].dump(), HasSubstr("app.log"));
}

TEST_F(Doctor, AmcheckNamesADamagedIndex) {
  // Goal: D12: on request only, with the line that repairs it; critical.
  server_.query("create extension amcheck");
  server_.query("checkpoint");
  const auto file =
      server_.data_dir() / server_.query("select pg_relation_filepath('orders_pkey')");
  server_.stop();
  {
    std::fstream page(file, std::ios::in | std::ios::out | std::ios::binary);
    page.seekp(8192 + 4096);
    page << std::string(512, '\x5a');
    ASSERT_TRUE(page.good());
  }
  server_.start();
  EXPECT_EQ(ask().exit_code, kWell) << "nothing is read unasked";
  const auto found = ask({"--amcheck", "--for", "60s"});
  EXPECT_EQ(found.exit_code, kCritical) << found.out << found.err;
  EXPECT_THAT(found.out, HasSubstr("REINDEX INDEX CONCURRENTLY public.orders_pkey"));
  EXPECT_EQ(ask({"--amcheck", "--for", "soon"}).exit_code, 2);
}

}  // namespace
}  // namespace pgkeel::test
