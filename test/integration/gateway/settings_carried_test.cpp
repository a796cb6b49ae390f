// Settings of clients that share servers in transaction pooling: each finds its own on whichever
// server it comes to, and nobody another's.
#include <gmock/gmock.h>

#include "integration/gateway/running_gateway.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using gateway::Sharing;

/// One server for everybody: whoever were tied to it would have the others wait in vain.
class SettingsCarried : public testing::Test {
 protected:
  SettingsCarried()
      : server_(PostgresOptions{.settings = {{"log_statement", "all"}}}),
        gateway_(server_,
                 GatewayOptions{
                     .sharing = Sharing::Transaction, .size = 1, .wait_most = Millis(2'000)}) {}
  /// How often the server was asked a text that holds this, up to now.
  int asked(const std::string& text) {
    const auto log = server_.log();
    int count = 0;
    for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
    return count;
  }
  int read() { return asked("FROM pg_catalog.pg_settings WHERE source"); }
  int read_by_name() {
    return asked("statement: SELECT n,pg_catalog.current_setting(n,true) FROM");
  }
  int set() { return asked("statement: SELECT pg_catalog.set_config("); }

  PostgresServer server_;
  RunningGateway gateway_;
};

TEST_F(SettingsCarried, Hazard29EverySetTravels) {
  // Goal: hazard 29: in every way to say it; the other client has the same server in between.
  Session one(gateway_.conninfo());
  Session two(gateway_.conninfo());
  for (const auto* set :
       {"set work_mem = '9MB'", "set session work_mem to '9MB'",
        "set work_mem = '2MB'; set work_mem to default; set work_mem = '9MB'",
        "select set_config('work_mem', '9MB', false)", "begin; set work_mem = '9MB'; commit",
        "begin; set local work_mem = '1MB'; set work_mem = '9MB'; commit",
        "set work_mem = '1MB'; set work_mem = '9MB'"}) {
    one(set);
    for (int round = 0; round < 3; ++round) {
      EXPECT_EQ(two("show work_mem"), "4MB") << set;
      EXPECT_EQ(one("show work_mem"), "9MB") << set;
    }
    one(std::string(set).contains("config") ? "reset work_mem" : "reset all");
    EXPECT_EQ(two("show work_mem"), "4MB");
    EXPECT_EQ(one("show work_mem"), "4MB");
  }
  const std::unique_ptr<PGresult, decltype(&PQclear)> extended(
      PQexecParams(one.get(), "set work_mem = '11MB'", 0, nullptr, nullptr, nullptr, nullptr, 0),
      &PQclear);
  ASSERT_EQ(PQresultStatus(extended.get()), PGRES_COMMAND_OK);
  EXPECT_EQ(two("show work_mem"), "4MB");
  EXPECT_EQ(one("show work_mem"), "11MB");
}

TEST_F(SettingsCarried, Hazard29WhatTheTransactionTookBackIsNotCarried) {
  // Goal: hazard 29: SET LOCAL ends with its transaction, a SET that was rolled back never was; the
  // transaction failed, was rolled back to a savepoint, or in one text.
  Session one(gateway_.conninfo());
  Session two(gateway_.conninfo());
  one("set work_mem = '9MB'");
  for (const auto* undone :
       {"begin; set local work_mem = '5MB'; commit", "begin; set work_mem = '5MB'; rollback",
        "begin; savepoint a; set work_mem = '5MB'; rollback to a; commit"}) {
    one(undone);
    EXPECT_EQ(two("show work_mem"), "4MB") << undone;
    EXPECT_EQ(one("show work_mem"), "9MB") << undone;
  }
  EXPECT_EQ(one.state_of("set work_mem = '5MB'; select 1 / 0"), "22012");
  EXPECT_EQ(two("show work_mem"), "4MB");
  EXPECT_EQ(one("show work_mem"), "9MB");
  EXPECT_EQ(one.state_of("set nonsense_of = 1"), "42704");
  EXPECT_EQ(two("show work_mem"), "4MB");
  EXPECT_EQ(one("show work_mem"), "9MB");
  one("discard all");
  EXPECT_EQ(two("show work_mem"), "4MB");
  EXPECT_EQ(one("show work_mem"), "4MB");
}

TEST_F(SettingsCarried, Hazard29PlaceholdersAndPathsAndApplicationNames) {
  // Goal: hazard 29: what the server does not list, what holds quotes, what the gateway itself
  // sets.
  server_.query(
      "create schema a; create schema \"b'\"\"\"; create table a.t (id int);"
      "insert into a.t values (7)");
  Session one(gateway_.conninfo("user=postgres application_name=first"));
  Session two(gateway_.conninfo("user=postgres application_name=second"));
  one("set app.tenant = 'it''s \\ \"x\"'; set search_path = \"b'\"\"\", a");
  two("set app.tenant = 'other'");
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(one("show app.tenant"), "it's \\ \"x\"");
    EXPECT_EQ(two("show app.tenant"), "other");
    EXPECT_EQ(one("select id from t"), "7");
    EXPECT_EQ(two.state_of("select id from t"), "42P01");
    EXPECT_EQ(one("show application_name"), "first");
    EXPECT_EQ(two("show application_name"), "second");
  }
  one("set application_name = 'renamed'");
  EXPECT_EQ(two("show application_name"), "second");
  EXPECT_EQ(one("show application_name"), "renamed");
  one("reset application_name");
  EXPECT_EQ(two("show application_name"), "second");
  EXPECT_EQ(one("show application_name"), "first") << "as it asked for at the start";
}

TEST_F(SettingsCarried, Hazard29ARoleIsItsClientsOnly) {
  // Goal: hazard 29: SET ROLE travels and is nobody else's; who has left takes it along.
  server_.query("create role low; create role lower");
  auto one = std::make_unique<Session>(gateway_.conninfo());
  Session two(gateway_.conninfo());
  (*one)("set role low");
  two("set role lower; set work_mem = '9MB'");
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ((*one)("select current_user"), "low");
    EXPECT_EQ(two("select current_user || current_setting('work_mem')"), "lower9MB");
  }
  EXPECT_EQ((*one)("select current_user"), "low");
  one.reset();
  Session three(gateway_.conninfo());
  EXPECT_EQ(three("select current_user || current_setting('work_mem')"), "postgres4MB");
  EXPECT_EQ(two("select current_user"), "lower");
}

TEST_F(SettingsCarried, Hazard29WhatCannotBeCarriedTies) {
  // Goal: hazard 29: another user's session, a value beyond the limits, what texts are read by, a
  // name nobody has seen: never wrong, at worst tied, until the client leaves.
  const RunningGateway impatient(
      server_,
      GatewayOptions{.sharing = Sharing::Transaction, .size = 1, .wait_most = Millis(200)});
  server_.query("create role low");
  for (const auto& set : {std::string("set session authorization low"),
                          "set app.long = '" + std::string(5'000, 'x') + "'",
                          "set app.huge = '" + std::string(70'000, 'x') + "'",
                          std::string("set standard_conforming_strings = off"),
                          std::string("select set_config('app.' || 'x', 'y', false)"),
                          std::string("set client_encoding = 'SJIS'")}) {
    {
      Session one(impatient.conninfo());
      Session two(impatient.conninfo());
      one(set);
      EXPECT_EQ(two.state_of("select 1"), "53300") << set.substr(0, 60);
      EXPECT_EQ(one("select 1"), "1");
    }
    Session next(impatient.conninfo());
    EXPECT_EQ(next("select current_user || current_setting('client_encoding')"), "postgresUTF8");
  }
}

TEST_F(SettingsCarried, Hazard29OnlyWhoSetsPays) {
  // Goal: hazard 29: a client that sets nothing costs no request of ours; one that does costs one
  // where it sets, and one where it comes to a server that has not the same.
  Session one(gateway_.conninfo());
  Session two(gateway_.conninfo());
  for (int round = 0; round < 20; ++round) {
    one("begin; set local work_mem = '5MB'; commit");
    two("select 1");
  }
  EXPECT_EQ(read() + read_by_name(), 0);
  EXPECT_EQ(set(), 0);
  one("set work_mem = '9MB'");
  for (int round = 0; round < 20; ++round) one("select 1");
  EXPECT_EQ(read_by_name(), 1);
  EXPECT_EQ(set(), 0) << "it is the server that has it";
  two("select 1");
  for (int round = 0; round < 20; ++round) two("select 1");
  EXPECT_EQ(set(), 1) << "taken back";
  one("select 1");
  one("select 1");
  EXPECT_EQ(set(), 2);
  EXPECT_EQ(read_by_name(), 1);
  two("set work_mem = '9MB'");
  one("select 1");
  two("select 1");
  EXPECT_EQ(read_by_name(), 2);
  EXPECT_EQ(set(), 3) << "both want the same: for the second client's SET, and no more";
  EXPECT_EQ(read(), 0) << "what lists all settings costs the server forty queries";
  one("reset work_mem");
  EXPECT_EQ(two("show work_mem"), "9MB");
  EXPECT_EQ(one("show work_mem"), "4MB");
  EXPECT_EQ(read(), 1);
}

TEST_F(SettingsCarried, Hazard08ChangesAreTold) {
  // Goal: hazard 8: a client is told of its own TimeZone, never of another's, and not twice.
  Session one(gateway_.conninfo());
  Session two(gateway_.conninfo());
  const auto zone = [](const Session& session) {
    return std::string(PQparameterStatus(session.get(), "TimeZone"));
  };
  const auto before = zone(two);
  const std::unique_ptr<FILE, decltype(&std::fclose)> traced(std::tmpfile(), &std::fclose);
  PQtrace(two.get(), traced.get());
  one("set timezone = 'Asia/Tokyo'");
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(zone(one), "Asia/Tokyo");
    EXPECT_EQ(two("show timezone"), before);
    EXPECT_EQ(zone(two), before);
    EXPECT_EQ(one("show timezone"), "Asia/Tokyo");
  }
  PQuntrace(two.get());
  std::fflush(traced.get());
  std::rewind(traced.get());
  std::string trace(1U << 16U, '\0');
  trace.resize(std::fread(trace.data(), 1, trace.size(), traced.get()));
  EXPECT_THAT(trace, testing::HasSubstr("ReadyForQuery"));
  EXPECT_THAT(trace, testing::Not(testing::HasSubstr("ParameterStatus")));
  Session three(gateway_.conninfo());
  EXPECT_EQ(zone(three), before);
}

TEST_F(SettingsCarried, Hazard08AReloadIsToldToEverybody) {
  // Goal: hazard 8: the configuration changes while nobody asks anything: whoever asks next is
  // told, and whoever logs in afterwards.
  Session one(gateway_.conninfo());
  Session two(gateway_.conninfo());
  one("select 1");
  two("select 1");
  server_.append_config("timezone = 'Africa/Nairobi'\n");
  server_.reload();
  ASSERT_TRUE(wait_until([&] { return one("show timezone") == "Africa/Nairobi"; }));
  EXPECT_STREQ(PQparameterStatus(one.get(), "TimeZone"), "Africa/Nairobi");
  two("select 1");
  EXPECT_STREQ(PQparameterStatus(two.get(), "TimeZone"), "Africa/Nairobi");
  Session three(gateway_.conninfo());
  EXPECT_STREQ(PQparameterStatus(three.get(), "TimeZone"), "Africa/Nairobi");
}

TEST_F(SettingsCarried, Hazard29WhatIsRefusedLaterIsTold) {
  // Goal: hazard 29: settings that no server gives any more end the session in the server's words,
  // and harm nobody else.
  server_.query("create role gone");
  Session one(gateway_.conninfo());
  Session two(gateway_.conninfo());
  one("set role gone");
  EXPECT_EQ(two("select current_user"), "postgres");
  server_.query("drop role gone");
  EXPECT_EQ(one.state_of("select 1"), "22023");
  EXPECT_FALSE(one.alive());
  EXPECT_EQ(two("select current_user"), "postgres");
}

TEST_F(SettingsCarried, Hazard29WhoLeavesBehindASetHarmsNobody) {
  // Goal: hazard 29: a client that goes while its settings are being read, or its server is being
  // set for it.
  for (int round = 0; round < 20; ++round) {
    {
      Session one(gateway_.conninfo());
      one("set work_mem = '9MB'");
      if (round % 2 == 0) PQsendQuery(one.get(), "select 1");
    }
    Session two(gateway_.conninfo());
    EXPECT_EQ(two("show work_mem"), "4MB");
  }
}

}  // namespace
}  // namespace pgkeel::test
