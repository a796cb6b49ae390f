// protect as a command: what it shows, does and takes back, its exit codes, and what the guard's
// journal gets of it.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "integration/app/binary.hpp"
#include "integration/app/fake_guard.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kUsage = 2;
constexpr int kNotPossible = 3;
constexpr int kAdvice = 7;

class Protect : public testing::Test {
 protected:
  void SetUp() override {
    server_.query("create role app login");
    server_.query("create database shop owner app");
    server_.query("create table orders (id int); alter table orders owner to app", "shop");
  }
  Ran protect(std::vector<std::string> more, const std::string& role = "postgres") {
    more.insert(more.begin(), "protect");
    more.insert(more.end(), {"--database", "shop", "--set", "http.listen=off", "--set",
                             "state_dir=" + (binary_.dir() / "state").string()});
    return binary_.run(more, {{"DATABASE_URL", server_.conninfo() + " user=" + role}});
  }
  std::string triggers() { return server_.query("select count(*) from pg_event_trigger", "shop"); }

  PostgresServer server_;
  Binary binary_;
};

TEST_F(Protect, ShowsThenDoesAndTakesBack) {
  // Goal: C4: nothing is changed by looking; --apply, a window and --off do what they say; without
  // a guard it is said that nobody noted it.
  const auto shown = protect({});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("can drop the only table"));
  EXPECT_THAT(shown.out, HasSubstr("Nothing was changed."));
  EXPECT_EQ(triggers(), "0");
  const auto done = protect({"--apply"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("Taken back by: pgkeel protect --off"));
  EXPECT_THAT(done.err, HasSubstr("nobody's journal"));
  EXPECT_ANY_THROW(server_.query("drop table orders", "shop"));
  const auto window = protect({"--window", "30m", "--json"});
  const auto changed = json::parse(window.out).at("changed").at(0);
  EXPECT_EQ(changed.at("refuses"), false) << window.out;
  EXPECT_EQ(protect({"--window", "off"}).exit_code, 0);
  EXPECT_ANY_THROW(server_.query("drop table orders", "shop"));
  EXPECT_EQ(protect({"--off"}).exit_code, 0);
  EXPECT_EQ(triggers(), "0");
  const auto ownership = protect({"--ownership", "shop_owner"});
  EXPECT_THAT(ownership.out, HasSubstr("alter table public.orders owner to \"shop_owner\";"));
  EXPECT_EQ(server_.query("select count(*) from pg_roles where rolname = 'shop_owner'"), "0");
  EXPECT_EQ(protect({"--ownership", "shop_owner", "--apply"}).exit_code, 0);
  EXPECT_EQ(server_.query("select tableowner from pg_tables where tablename = 'orders'", "shop"),
            "shop_owner");
}

TEST_F(Protect, SaysWhyNot) {
  // Goal: C4: no superuser is 3, mode advise 7, what contradicts itself 2; nothing is installed.
  const auto plain = protect({"--apply"}, "app");
  EXPECT_EQ(plain.exit_code, kNotPossible) << plain.err;
  EXPECT_THAT(plain.err, HasSubstr("only a superuser"));
  EXPECT_EQ(protect({"--apply", "--set", "mode=advise"}).exit_code, kAdvice);
  EXPECT_EQ(protect({"--apply", "--off"}).exit_code, kUsage);
  EXPECT_EQ(protect({"--window", "forever"}).exit_code, kUsage);
  EXPECT_EQ(protect({"--window", "30m"}).exit_code, kNotPossible) << "it is off";
  EXPECT_EQ(triggers(), "0");
}

TEST_F(Protect, TheGuardsJournalHasItBeforeAndAfter) {
  // Goal: C4 A7: who changed what: protect and tune.
  std::filesystem::create_directories(binary_.dir() / "state");
  FakeGuard guard(binary_.dir() / "state");
  guard.where = server_.conninfo();
  EXPECT_EQ(protect({"--apply"}).exit_code, 0);
  EXPECT_THAT(guard.asked(),
              ElementsAre("note protect_apply shop begun", "note protect_apply shop done"));
  const auto tuned = binary_.run({"tune", "--apply", "--only", "log_lock_waits", "--set",
                                  "state_dir=" + (binary_.dir() / "state").string()},
                                 {{"DATABASE_URL", server_.conninfo()}});
  EXPECT_EQ(tuned.exit_code, 0) << tuned.err;
  EXPECT_THAT(guard.asked(), testing::Contains("note tune_apply log_lock_waits done"));
}

}  // namespace
}  // namespace pgkeel::test
