// Logical dumps as a person uses them: the real binary, a real server, PostgreSQL's own programs,
// and stand-ins for them that fail in the ways real ones do.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>

#include "integration/app/background.hpp"
#include "integration/app/binary.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class Dumps : public testing::Test {
 protected:
  void SetUp() override {
    configure();
    static_cast<void>(server_.rows("create role seller"));
    static_cast<void>(server_.rows("create database shop owner seller"));
    static_cast<void>(
        server_.rows("create table orders (id int primary key, note text);"
                     "alter table orders owner to seller;"
                     "insert into orders select g, 'note' from generate_series(1, 1000) g;"
                     "create unlogged table \"order lines\" (id int);"
                     "insert into \"order lines\" values (1), (2);"
                     "create table days (day date) partition by range (day);"
                     "create table days_1 partition of days for values from ('2026-01-01') to "
                     "('2027-01-01');"
                     "insert into days values ('2026-11-21')",
                     "shop"));
  }
  void configure(const std::string& more = "", const std::string& instance = "") {
    binary_.write("pgkeel.toml",
                  "state_dir = \"state\"\n[instance]\nkind = \"managed\"\ndata_dir = \"" +
                      server_.data_dir().string() + "\"\n" + instance +
                      "[archive]\nstore = \"store\"\ndrill_dir = \"drill\"\n" + more);
  }
  json parsed(const Ran& ran) { return json::parse(ran.out, nullptr, false); }
  json ok(std::vector<std::string> args) {
    args.emplace_back("--json");
    const auto ran = binary_.run(args);
    EXPECT_EQ(ran.exit_code, 0) << ran.err << ran.out;
    return parsed(ran);
  }
  /// A dump that has to fail, as its JSON tells.
  json failed_dump() {
    const auto ran = binary_.run({"dump", "now", "--json"});
    EXPECT_EQ(ran.exit_code, 1) << ran.err << ran.out;
    return parsed(ran);
  }
  json last() {
    const auto list = ok({"dump", "list"});
    const auto dumps = list.is_object() ? list.value("dumps", json::array()) : json::array();
    return dumps.empty() ? json::object() : dumps.back();
  }
  fs::path store() const { return binary_.dir() / "store"; }

  /// A directory of programs in which pg_dump is this script; `$REAL` is the real one.
  void stand_in(const std::string& script) {
    const auto bin = server_.temp_dir() / "bin";
    fs::create_directories(bin);
    for (const char* name : {"pg_restore", "pg_dumpall"}) {
      std::error_code exists;
      fs::create_symlink(server_.bin_dir() / name, bin / name, exists);
    }
    std::ofstream(bin / "pg_dump") << "#!/bin/sh\nREAL=" << (server_.bin_dir() / "pg_dump").string()
                                   << "\n[ \"$1\" = --version ] && exec $REAL --version\n"
                                   << script << "\n";
    fs::permissions(bin / "pg_dump", fs::perms(0755));
    configure(archive_, "bin_dir = \"" + bin.string() + "\"\n");
  }
  /// A configuration for a server elsewhere, and the role `app` to connect as.
  void elsewhere_as(const std::string& create_role, const std::string& instance = "") {
    static_cast<void>(server_.rows(create_role));
    auto url = server_.conninfo();
    const auto user = url.find("user=");
    ASSERT_NE(user, std::string::npos) << url;
    url.replace(user, url.find(' ', user) - user, "user=app");
    binary_.write("pgkeel.toml", "state_dir = \"state\"\n[instance]\nkind = \"remote\"\nurl = \"" +
                                     url + "\"\n" + instance +
                                     "[http]\nlisten = \"off\"\n[archive]\nstore = \"store\"\n"
                                     "drill_dir = \"drill\"\n");
  }
  std::string stored_dump(const std::string& label) const {
    for (const auto& entry : fs::directory_iterator(store() / "dumps" / label))
      if (entry.path().filename().string().starts_with("00001.dump")) return entry.path();
    return {};
  }

  PostgresServer server_;
  Binary binary_;
  std::string archive_;
};

TEST_F(Dumps, AreListedProvenCopiedAndRestored) {
  // Goal: a dump of every database with the rows of its snapshot, proven by a drill, also from the
  // off-site copy alone; restored under a new name, never over what exists (A10 D11 C3 X4).
  configure("[archive.offsite]\nstore = \"offsite\"\n");
  for (const auto* said :
       {"alter database shop owner to seller", "comment on database shop is 'all of it'",
        "alter database shop set search_path to \"$user\", public",
        "alter role seller in database shop set work_mem to '7MB'",
        "revoke all on database shop from public", "grant connect on database shop to seller"})
    static_cast<void>(server_.rows(said));
  const auto of_itself = [this](const std::string& database) {
    return server_.query(
        "select concat_ws(' | ', datdba::regrole, datacl, shobj_description(oid, 'pg_database'), "
        "(select string_agg(setrole::regrole || ' ' || setconfig::text, ' | ' order by setrole) "
        "from pg_db_role_setting where setdatabase = d.oid)) from pg_database d where datname = '" +
        database + "'");
  };
  const auto made = ok({"dump", "now"});
  EXPECT_TRUE(made["good"]);
  ASSERT_EQ(made["databases"].size(), 2U) << made;
  EXPECT_EQ(made["databases"][1]["database"], "shop");
  EXPECT_EQ(made["databases"][1]["rows"], 1003);
  EXPECT_FALSE(last()["proven"]);
  const auto listed = binary_.dir() / "listed";
  const auto by_hand = "sh " + (store() / "restore-by-hand.sh").string() + " plain " +
                       stored_dump(made["dump"]) + " | " +
                       (server_.bin_dir() / "pg_restore").string() + " --list > " + listed.string();
  EXPECT_EQ(std::system(by_hand.c_str()), 0) << by_hand;
  std::ifstream list(listed);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(list), {}),
              HasSubstr("TABLE DATA public orders seller"));
  ok({"backup", "copy"});
  fs::rename(store(), binary_.dir() / "away");
  const auto drill = ok({"dump", "drill", "--offsite"});
  EXPECT_TRUE(drill["holds"]) << drill;
  EXPECT_EQ(drill["rows"]["shop.public.orders"], 1000);
  EXPECT_EQ(drill["rows"]["shop.public.order lines"], 2);
  fs::rename(binary_.dir() / "away", store());
  ok({"dump", "drill"});
  EXPECT_TRUE(last()["proven"]);
  const std::vector<std::string> restore{"dump", "restore", "--database", "shop", "--as", "shop_2"};
  EXPECT_EQ(ok(restore)["rows"]["public.orders"], 1000);
  EXPECT_EQ(server_.query("select count(*) from orders", "shop_2"), "1000");
  EXPECT_EQ(server_.query("select tableowner from pg_tables where tablename = 'orders'", "shop_2"),
            "seller");
  EXPECT_EQ(of_itself("shop_2"), of_itself("shop"));
  EXPECT_THAT(of_itself("shop_2"), HasSubstr("work_mem=7MB"));
  const auto again = binary_.run(restore);
  EXPECT_EQ(again.exit_code, 4) << again.err;
  EXPECT_THAT(again.err, HasSubstr("there is a database shop_2 already"));
  EXPECT_EQ(server_.query("select count(*) from pg_database where datname like 'pgkeel%'"), "0");
}

TEST_F(Dumps, AnEmptyOneIsAFailureAndReplacesNothing) {
  // Goal: a pg_dump that ends well and prints nothing, or leaves a table out, is a failure with its
  // reason; the good one stays, also when all but one may go (D11 C3).
  const auto good = ok({"dump", "now"})["dump"].get<std::string>();
  stand_in("exit 0");
  EXPECT_THAT(failed_dump()["failure"].get<std::string>(), HasSubstr("wrote nothing"));
  EXPECT_EQ(last()["databases"][1]["stored_bytes"], 0);
  stand_in("exec $REAL \"$@\" --exclude-table=orders");
  EXPECT_THAT(failed_dump()["failure"].get<std::string>(), HasSubstr("lacks table public.orders"));
  EXPECT_FALSE(last()["complete"]);
  const auto expiry = ok({"dump", "expire", "--down-to", "1", "--yes"});
  EXPECT_FALSE(expiry["dumps"][0]["remove"]) << expiry;
  const auto list = ok({"dump", "list"})["dumps"];
  ASSERT_EQ(list.size(), 2U) << "the one with nothing in it went";
  EXPECT_EQ(list[0]["dump"], good);
  EXPECT_EQ(expiry["dumps"][2]["reason"], "the newest copy of database postgres");
}

TEST_F(Dumps, AShrunkenOneIsDoubtedUntilSomebodyExplains) {
  // Goal: far fewer rows than last time is a failure that is said, and not the new measure; a
  // person may accept it (D11 C3).
  ok({"dump", "now"});
  static_cast<void>(server_.rows("delete from orders where id > 100", "shop"));
  EXPECT_THAT(failed_dump()["failure"].get<std::string>(),
              HasSubstr("it shrank: 103 rows, the last good dump had 1003"));
  EXPECT_THAT(failed_dump()["failure"].get<std::string>(), HasSubstr("it shrank"));
  EXPECT_TRUE(last()["complete"]);
  EXPECT_FALSE(last()["good"]);
  EXPECT_TRUE(ok({"dump", "now", "--accept-smaller"})["good"]);
  EXPECT_TRUE(ok({"dump", "now"})["good"]);
}

TEST_F(Dumps, ADatabaseThatIsGoneIsNamedAndALocaleThatIsNotHereHindersNoProof) {
  // Goal: a database that was dropped is a doubt, not silence; a dump of a machine with other
  // locales is proven here all the same, and restored only where they are (D11 A10).
  const auto label = ok({"dump", "now"})["dump"].get<std::string>();
  const auto record = store() / "dumps" / label / "dump.json";
  std::ifstream file(record);
  std::string text(std::istreambuf_iterator<char>(file), {});
  const std::string_view key = "\"lc_collate\": \"";
  const auto at = text.rfind(key) + key.size();
  text.replace(at, text.find('"', at) - at, "xx_YY.UTF-8");
  std::ofstream(record) << text;
  const auto drill = ok({"dump", "drill"});
  EXPECT_THAT(drill["checked"].dump(), HasSubstr("shop with locale C: this machine has no xx_YY"));
  const auto restored = binary_.run({"dump", "restore", "--database", "shop", "--as", "shop_2"});
  EXPECT_EQ(restored.exit_code, 1);
  EXPECT_THAT(restored.err, HasSubstr("xx_YY"));
  static_cast<void>(server_.rows("drop database shop"));
  EXPECT_THAT(failed_dump()["failure"].get<std::string>(), HasSubstr("database shop is gone"));
  EXPECT_TRUE(ok({"dump", "now", "--accept-smaller"})["good"]);
}

TEST_F(Dumps, AServerKilledInTheMiddleLeavesNoHalfDump) {
  // Goal: what was cut off is recorded as failed and not stored; the next run is whole (C3).
  stand_in("printf PGDMP; kill -9 $(head -n 1 " + server_.data_dir().string() +
           "/postmaster.pid); exec $REAL \"$@\"");
  const auto failed = failed_dump();
  EXPECT_FALSE(failed["good"]);
  EXPECT_NE(failed["failure"], "");
  for (const auto& database : failed["databases"]) EXPECT_EQ(database["stored_bytes"], 0);
  EXPECT_EQ(stored_dump(failed["dump"]), "");
  server_.await_processes_gone();
  server_.start();
  configure();
  EXPECT_TRUE(ok({"dump", "now"})["good"]);
}

TEST_F(Dumps, OneKilledInTheMiddleIsNone) {
  // Goal: what a killed run stored is no dump, and is left alone while somebody may still work on
  // it; the next run is whole (C3).
  const auto killed = binary_.dir() / "killed";
  stand_in("trap '' TERM; printf PGDMP; kill -9 $PPID; touch " + killed.string() + "; exit 1");
  // Elsewhere no other account is taken for it, which could not kill us.
  elsewhere_as("create role app login in role pg_read_all_data",
               "bin_dir = \"" + (server_.temp_dir() / "bin").string() + "\"\n");
  {
    const Background dump(binary_, {"dump", "now"});
    ASSERT_TRUE(wait_until([&] { return fs::exists(killed); }));
  }
  EXPECT_TRUE(ok({"dump", "list"})["dumps"].empty());
  EXPECT_FALSE(fs::is_empty(store() / "dumps")) << "the globals were stored before";
  configure();
  EXPECT_TRUE(ok({"dump", "now"})["good"]);
  const auto expiry = ok({"dump", "expire", "--yes"});
  EXPECT_TRUE(expiry["incomplete"].empty()) << expiry;
  EXPECT_EQ(ok({"dump", "list"})["dumps"].size(), 1U);
}

TEST_F(Dumps, SealedOnesNeedTheirKeyAndDamageIsFound) {
  // Goal: with a key nothing readable is stored; a wrong key is told from damage, and damage fails
  // drill and restore without a trace in the server (X4 C3).
  binary_.write("key", std::string(64, 'a') + "\n");
  fs::permissions(binary_.dir() / "key", fs::perms(0600));
  configure("encryption_key_file = \"key\"\n");
  const auto label = ok({"dump", "now"})["dump"].get<std::string>();
  const fs::path stored = stored_dump(label);
  EXPECT_THAT(stored.string(), HasSubstr(".dump.zst.sealed"));
  binary_.write("key", std::string(64, 'b') + "\n");
  const std::vector<std::string> restore{"dump", "restore", "--database", "shop", "--as", "shop_2"};
  const auto wrong = binary_.run(restore);
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("key"));
  binary_.write("key", std::string(64, 'a') + "\n");
  {
    std::fstream file(stored, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(fs::file_size(stored) / 2));
    const char flipped = static_cast<char>(file.peek() ^ 1);
    file.seekp(file.tellg());
    file.put(flipped);
  }
  const auto drill = binary_.run({"dump", "drill"});
  EXPECT_EQ(drill.exit_code, 1);
  EXPECT_THAT(drill.out, HasSubstr("dumps/" + label + "/00001.dump.zst.sealed"));
  EXPECT_EQ(binary_.run(restore).exit_code, 1);
  EXPECT_EQ(server_.query("select count(*) from pg_database where datname = 'shop_2' or datname "
                          "like 'pgkeel%'"),
            "0");
}

TEST_F(Dumps, OneThatFailsIsAnIncident) {
  // Goal: a table that the role may not read fails the dump, and a human is called with the words
  // of pg_dump (A10 D11 E8).
  elsewhere_as("create role app login");
  const Background guard(binary_, {"guard"});
  EXPECT_TRUE(wait_until([&] {
    const auto list = binary_.run({"incident", "list", "--json"}).out;
    return list.find("archive.dump\"") != std::string::npos &&
           list.find("permission denied") != std::string::npos;
  })) << binary_.run({"incident", "list", "--json"}).out
      << binary_.run({"status"}).out;
  EXPECT_FALSE(last()["good"]);
}

TEST_F(Dumps, AreWhatTheGuardKeepsWhereItMayNotReplicate) {
  // Goal: a role without REPLICATION on a server elsewhere gets dumps by itself, and status says
  // what they cannot do (A10 D11).
  elsewhere_as("create role app login in role pg_read_all_data");
  const Background guard(binary_, {"guard"});
  ASSERT_TRUE(wait_until([&] {
    const auto dumps = parsed(binary_.run({"dump", "list", "--json"}));
    return dumps.is_object() && !dumps["dumps"].empty() && dumps["dumps"][0]["good"] == true;
  }));
  ASSERT_TRUE(wait_until([&] {
    const auto status = parsed(binary_.run({"status", "--json"}));
    return status.is_object() && status.dump().find("logical dumps only") != std::string::npos &&
           status.dump().find(" old, ") != std::string::npos;
  }));
  EXPECT_FALSE(fs::exists(store() / "backups"));
}

}  // namespace
}  // namespace pgkeel::test
