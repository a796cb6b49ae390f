// What ties a client to its server, and when it no longer does.
#include <gmock/gmock.h>

#include "gateway/session/session_state.hpp"

namespace pgkeel::gateway {
namespace {

class SessionStateTest : public testing::Test {
 protected:
  void says(const char* sql) { state_.says(sql::read_effects(sql, state_.rules())); }
  bool tied_after(const char* sql) {
    says(sql);
    state_.transaction_over();
    return state_.tied();
  }
  SessionState state_;
};

TEST_F(SessionStateTest, AnOrdinaryTransactionTiesNothing) {
  // Goal: hazard 29: what ends with the transaction is no reason to keep a server.
  for (const auto* sql :
       {"select 1", "begin; set local work_mem = '1GB'; commit", "select pg_advisory_xact_lock(1)",
        "insert into t values (1)", "select set_config('work_mem', '1GB', true)"})
    EXPECT_FALSE(tied_after(sql)) << sql;
}

TEST_F(SessionStateTest, WhatIsGoneAgainTiesNoLonger) {
  // Goal: hazard 30: undone in a transaction that went well.
  EXPECT_TRUE(tied_after("listen news"));
  EXPECT_FALSE(tied_after("unlisten *"));
  EXPECT_TRUE(tied_after("prepare p as select 1"));
  EXPECT_FALSE(tied_after("deallocate all"));
}

TEST_F(SessionStateTest, WhatWasToGoAndFailedIsStillThere) {
  // Goal: hazard 30: the error came somewhere in the text, and nobody knows where.
  EXPECT_TRUE(tied_after("listen news"));
  says("unlisten *; select 1 / 0");
  state_.failed();
  state_.transaction_over();
  EXPECT_TRUE(state_.tied());
  EXPECT_FALSE(tied_after("unlisten *")) << "the failure was of that transaction only";
}

TEST_F(SessionStateTest, ARollbackBringsAListenerBack) {
  // Goal: hazard 30: UNLISTEN is transactional, DEALLOCATE is not.
  EXPECT_TRUE(tied_after("listen news"));
  for (const auto* sql : {"begin", "unlisten *"}) says(sql);
  EXPECT_TRUE(tied_after("rollback"));
  for (const auto* sql : {"begin", "unlisten *"}) says(sql);
  EXPECT_FALSE(tied_after("commit"));
}

TEST_F(SessionStateTest, Hazard29SettingsTieUntilTheyAreRead) {
  // Goal: hazard 29: a setting ties until the server has told of it; one that may be nowhere to be
  // found ties on.
  for (const auto* sql : {"set work_mem = '1GB'", "reset work_mem", "reset all",
                          "select set_config('work_mem', $1, false)"}) {
    EXPECT_TRUE(tied_after(sql)) << sql;
    EXPECT_TRUE(tied_after("select 1"));
    EXPECT_TRUE(state_.settings_unread());
    state_.settings_read();
    EXPECT_FALSE(state_.tied());
  }
  EXPECT_TRUE(tied_after("set work_mem = 1; listen x"));
  EXPECT_FALSE(state_.settings_unread()) << "it stays anyway";
  EXPECT_TRUE(tied_after("unlisten *"));
  EXPECT_TRUE(state_.settings_unread()) << "only the settings are left";
  state_.settings_read();
  EXPECT_TRUE(tied_after("select set_config($1, $2, false)"));
  EXPECT_FALSE(state_.settings_unread()) << "a placeholder that nobody can ask for";
}

TEST_F(SessionStateTest, Hazard29WhatASetNamesIsReadByName) {
  // Goal: hazard 29: only where nothing else may have changed: no reset, no rollback, no failure,
  // no text with more in it.
  says("set work_mem = '1GB'");
  says("set app.user = 5");
  state_.transaction_over();
  ASSERT_NE(state_.only_set(), nullptr);
  EXPECT_THAT(*state_.only_set(), testing::ElementsAre("work_mem", "app.user"));
  state_.settings_read();
  for (const std::vector<const char*>& texts :
       {std::vector{"set work_mem to default"}, std::vector{"reset work_mem"},
        std::vector{"select set_config('work_mem', $1, false)"},
        std::vector{"set work_mem = 1; select 1"}, std::vector{"set time zone local"},
        std::vector{"begin", "set work_mem = 1", "rollback"},
        std::vector{"begin", "savepoint a", "set work_mem = 1", "rollback to a", "commit"}}) {
    for (const auto* text : texts) says(text);
    state_.transaction_over();
    EXPECT_TRUE(state_.settings_unread()) << texts.front();
    EXPECT_EQ(state_.only_set(), nullptr) << texts.front();
    state_.settings_read();
  }
  says("set work_mem = '1GB'");
  state_.failed();
  state_.transaction_over();
  EXPECT_EQ(state_.only_set(), nullptr);
}

TEST_F(SessionStateTest, Hazard29WhatChangesTheReadingOfTextsTies) {
  // Goal: hazard 29: what is said behind it, before the server has told, is read by other rules.
  EXPECT_TRUE(tied_after("set standard_conforming_strings = off"));
  EXPECT_FALSE(state_.settings_unread());
}

TEST_F(SessionStateTest, PlaceholdersAreKnownByName) {
  // Goal: hazard 29: the server lists no setting that was made up; it is asked for them by name.
  says("set app.user = 'x'; set work_mem = 1; select set_config('App.Tenant', 'y', false)");
  EXPECT_THAT(state_.placeholders(), testing::ElementsAre("app.user", "app.tenant"));
  state_.transaction_over();
  state_.settings_read();
  EXPECT_THAT(state_.placeholders(), testing::IsEmpty());
  for (int at = 0; at < 70; ++at) says(("set app.x" + std::to_string(at) + " = 1").c_str());
  state_.transaction_over();
  EXPECT_TRUE(state_.tied());
  EXPECT_FALSE(state_.settings_unread()) << "more than a set may have";
}

TEST_F(SessionStateTest, Hazard26NamesMayMeanSomethingElse) {
  // Goal: hazard 26: a path or a role of the transaction, or one that was not read yet.
  for (const auto* sql : {"set local search_path = a", "set role x", "set schema 'a'",
                          "select set_config($1, $2, true)", "create temp table t (id int)"}) {
    SessionState fresh;
    fresh.says(sql::read_effects(sql));
    EXPECT_TRUE(fresh.path_moved()) << sql;
  }
  says("set local search_path = a");
  state_.transaction_over();
  EXPECT_FALSE(state_.path_moved());
  says("set search_path = a");
  state_.transaction_over();
  EXPECT_TRUE(state_.path_moved());
  state_.settings_read();
  EXPECT_FALSE(state_.path_moved());
  says("set local work_mem = 64; set statement_timeout = 0");
  EXPECT_FALSE(state_.path_moved());
}

TEST_F(SessionStateTest, DiscardAllTakesSettingsBack) {
  // Goal: hazard 29: by itself, and if it did not fail.
  EXPECT_TRUE(tied_after("set work_mem = '1GB'"));
  EXPECT_TRUE(tied_after("select 1"));
  EXPECT_FALSE(tied_after("discard all")) << "but for what takes all of it back";
  EXPECT_TRUE(tied_after("set work_mem = '1GB'"));
  says("discard all");
  state_.failed();
  state_.transaction_over();
  EXPECT_TRUE(state_.tied());
}

TEST_F(SessionStateTest, AnEncodingThatHidesQuotesTies) {
  // Goal: hazard 29: where a text cannot be read for certain, the client keeps its server.
  state_.set_rules(sql::lexical_rules("off", "SJIS"));
  EXPECT_TRUE(tied_after("select '\x83\x5c', 1"));
}

}  // namespace
}  // namespace pgkeel::gateway
