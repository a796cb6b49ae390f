// tune on a real server: what it proposes, sets, and leaves to people; and that the server starts
// with it.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <set>

#include "integration/app/binary.hpp"
#include "pg/log_line.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr int kUsage = 2;
constexpr int kFailed = 1;
constexpr int kAdvice = 7;

class Tune : public testing::Test {
 protected:
  Ran tune(std::vector<std::string> more, const std::string& role = "postgres") {
    more.insert(more.begin(), "tune");
    more.insert(more.end(), {"--set", "http.listen=off"});
    return binary_.run(more, {{"DATABASE_URL", server_.conninfo() + " user=" + role}});
  }
  std::set<std::string> proposed() {
    std::set<std::string> names;
    const auto ran = tune({"--json"});
    for (const auto& one : json::parse(ran.out).at("proposed"))
      if (one["kind"] == "apply") names.insert(one["name"]);
    return names;
  }

  PostgresServer server_;
  Binary binary_;
};

TEST_F(Tune, SetsWhatItShowedAndTheServerStartsWithIt) {
  // Goal: A7 B5: shown, changing nothing; then set, each with its way back; after a restart nothing
  // is left to set, and the log says of an error who, where and which SQLSTATE.
  const auto before = server_.query("select count(*) from pg_file_settings");
  const auto shown = tune({});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("log_statement: none -> ddl"));
  EXPECT_THAT(shown.out, HasSubstr("Nothing was changed"));
  EXPECT_EQ(server_.query("select count(*) from pg_file_settings"), before);
  EXPECT_TRUE(proposed().contains("fsync"));  // tests run without it

  const auto done = tune({"--apply", "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto changed = json::parse(done.out).at("changed");
  EXPECT_GE(changed.size(), 8U);
  for (const auto& one : changed)
    EXPECT_THAT(one["take_back"].get<std::string>(), HasSubstr("ALTER SYSTEM")) << one.dump();
  EXPECT_EQ(server_.query("show log_statement"), "ddl");

  server_.restart();
  EXPECT_THAT(proposed(), testing::IsEmpty());
  EXPECT_ANY_THROW(server_.query("select 1 / 0"));
  const auto lines = pg::parse_log(pg::ServerLogFormat::Stderr, server_.log());
  const auto error = std::ranges::find(lines, "22012", &pg::LogLine::sqlstate);
  ASSERT_NE(error, lines.end()) << server_.log();
  EXPECT_EQ(error->user, "postgres");
  EXPECT_EQ(error->database, "postgres");
  EXPECT_TRUE(error->at.has_value());
}

TEST_F(Tune, SaysHowFarItCame) {
  // Goal: A7: one setting alone; a role that may not, a name nobody proposed, mode advise: each
  // says so, and nothing is half done.
  const auto one = tune({"--apply", "--only", "log_lock_waits"});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("ALTER SYSTEM RESET log_lock_waits"));
  EXPECT_EQ(server_.query("show log_lock_waits"), "on");
  EXPECT_EQ(server_.query("show log_statement"), "none");

  server_.query("create role app login");
  const auto refused = tune({"--apply", "--only", "log_statement"}, "app");
  EXPECT_EQ(refused.exit_code, kFailed) << refused.out << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("log_statement"));
  EXPECT_THAT(refused.err, HasSubstr("provider's panel"));
  EXPECT_EQ(tune({"--apply", "--only", "nonsense"}).exit_code, kUsage);
  EXPECT_EQ(tune({"--apply", "--set", "mode=advise"}).exit_code, kAdvice);
  EXPECT_EQ(server_.query("show log_statement"), "none");
}

}  // namespace
}  // namespace pgkeel::test
