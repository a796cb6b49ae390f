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

TEST_F(SessionStateTest, SettingsTieForGood) {
  // Goal: hazard 29: a setting is not taken to another server, so the client stays with its own.
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
