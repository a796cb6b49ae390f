// DEALLOCATE of statements that a client prepared by the protocol, however what it says is cut.
#include <gmock/gmock.h>

#include "gateway/sql/deallocated_name.hpp"
#include "unit/gateway/session/session_scene.hpp"

namespace pgkeel::gateway::test {
namespace {

using Step = ServerSession::Step;

class DeallocationTest : public testing::TestWithParam<std::size_t> {
 protected:
  DeallocationTest() {
    EXPECT_EQ(scene_.says("P(_pg3_0,a) S", &server_), "P(pgkeel_s1,a) S");
    EXPECT_EQ(scene_.answers(server_, "1 Z(I)"), "1 Z(I)");
  }
  bool has(std::string_view name) { return scene_.client().statements()->find(name) != nullptr; }

  Scene scene_{Sharing::Transaction, GetParam()};
  ServerSession server_ = scene_.server();
};

TEST_P(DeallocationTest, Hazard25TheGatewayAnswersWhereNothingIsOwed) {
  // Goal: hazard 25: the name is gone, and may be prepared anew; the server is asked nothing, and
  // is free.
  EXPECT_EQ(scene_.says("Q(DEALLOCATE \"_pg3_0\")", &server_), "");
  EXPECT_EQ(scene_.told(), "C(DEALLOCATE) Z(I)");
  EXPECT_TRUE(server_.exchange().idle());
  EXPECT_FALSE(scene_.client().keeps_server());
  EXPECT_FALSE(has("_pg3_0"));
  EXPECT_EQ(scene_.says("Q(deallocate _pg3_0)", &server_), "Q(deallocate _pg3_0)")
      << "the server says that there is none";
  EXPECT_EQ(scene_.answers(server_, "E(26000) Z(I)"), "E(26000) Z(I)");
  EXPECT_EQ(scene_.says("P(_pg3_0,b) S", &server_), "P(pgkeel_s2,b) S");
}

TEST_P(DeallocationTest, Hazard25AFailedTransactionRefusesIt) {
  // Goal: hazard 25: as the server: 25P02 and the statement stays; in a good transaction it goes.
  scene_.says("Q(begin)", &server_);
  scene_.answers(server_, "C(BEGIN) Z(T)");
  scene_.says("P(other,b) S", &server_);
  scene_.answers(server_, "1 Z(T)");
  EXPECT_EQ(scene_.says("Q(deallocate prepare other)", &server_), "");
  EXPECT_EQ(scene_.told(), "C(DEALLOCATE) Z(T)");
  scene_.says("Q(oops)", &server_);
  scene_.answers(server_, "E(42601) Z(E)");
  EXPECT_EQ(scene_.says("Q(deallocate _pg3_0)", &server_), "");
  EXPECT_EQ(scene_.told(), "E(25P02) Z(E)");
  EXPECT_TRUE(has("_pg3_0"));
  EXPECT_FALSE(has("other"));
}

TEST_P(DeallocationTest, Hazard25BehindWhatIsOwedTheServerAnswers) {
  // Goal: hazard 25: in a pipeline of simple queries the answer stands in its place; what failed
  // there has deallocated nothing.
  EXPECT_EQ(scene_.says("Q(a) Q(deallocate _pg3_0) Q(b)", &server_),
            "Q(a) C(S,pgkeel_forgotten) P(pgkeel_forgotten,) Q(DEALLOCATE pgkeel_forgotten) Q(b)");
  EXPECT_FALSE(has("_pg3_0"));
  EXPECT_EQ(scene_.answers(server_, "C(A) Z(I) 3 1 C(DEALLOCATE) Z(I) C(B) Z(I)"),
            "C(A) Z(I) C(DEALLOCATE) Z(I) C(B) Z(I)");
  EXPECT_EQ(scene_.server_step, Step::Free);
  EXPECT_FALSE(has("_pg3_0"));

  scene_.says("P(s,c) S", &server_);
  scene_.answers(server_, "1 Z(I)");
  scene_.says("Q(begin) Q(oops) Q(deallocate s)", &server_);
  EXPECT_EQ(scene_.answers(server_, "C(BEGIN) Z(T) E(42601) Z(E) 3 1 E(25P02) Z(E)"),
            "C(BEGIN) Z(T) E(42601) Z(E) E(25P02) Z(E)");
  EXPECT_TRUE(has("s"));
}

TEST_P(DeallocationTest, Hazard25AnUnnamedStatementDeallocates) {
  // Goal: hazard 25: psycopg's pipeline says it by Parse, Bind, Execute: the tag is the server's.
  EXPECT_EQ(scene_.says("P(,DEALLOCATE _pg3_0) B(,) D(P,) E S", &server_),
            "P(,DEALLOCATE pgkeel_forgotten) C(S,pgkeel_forgotten) P(pgkeel_forgotten,) B(,) "
            "D(P,) E S");
  EXPECT_EQ(scene_.answers(server_, "1 3 1 2 n C(DEALLOCATE) Z(I)"), "1 2 n C(DEALLOCATE) Z(I)");
  EXPECT_EQ(scene_.server_step, Step::Free);
  EXPECT_TRUE(server_.exchange().idle());
  EXPECT_FALSE(has("_pg3_0"));
  EXPECT_EQ(scene_.says("P(_pg3_0,b) S", &server_), "P(pgkeel_s2,b) S");
}

TEST_P(DeallocationTest, Hazard25WhatWasSkippedIsStillThere) {
  // Goal: hazards 11, 25: an error in front of the Bind, or of it.
  scene_.says("P(,DEALLOCATE _pg3_0) B(,nobody) B(,) E S", &server_);
  EXPECT_FALSE(has("_pg3_0"));
  EXPECT_EQ(scene_.answers(server_, "1 E(26000) Z(I)"), "1 E(26000) Z(I)");
  EXPECT_TRUE(has("_pg3_0"));
  scene_.says("P(,DEALLOCATE _pg3_0) B(,) E S", &server_);
  EXPECT_EQ(scene_.answers(server_, "1 3 1 E(25P02) Z(E)"), "1 E(25P02) Z(E)");
  EXPECT_TRUE(has("_pg3_0"));
}

TEST_P(DeallocationTest, Hazard25WhatSqlPreparedIsTheServers) {
  // Goal: hazard 25: a name that PREPARE gave goes to the server the client keeps; so does a text
  // with more than the DEALLOCATE, and one of a name the client does not have.
  for (const auto* sql : {"deallocate _pg3_0; select 1", "deallocate nobody", "deallocate _PG3_0 x",
                          "deallocate \"_PG3_0\"", "deallocate all"}) {
    const auto said = std::string("Q(") + sql + ")";
    EXPECT_EQ(scene_.says(said, &server_), said);
    scene_.answers(server_, "E(26000) Z(I)");
  }
  scene_.says("Q(prepare _pg3_0 as select 1)", &server_);
  scene_.answers(server_, "C(PREPARE) Z(I)");
  EXPECT_EQ(scene_.says("Q(deallocate _pg3_0)", &server_), "Q(deallocate _pg3_0)");
  scene_.answers(server_, "C(DEALLOCATE) Z(I)");
  EXPECT_TRUE(has("_pg3_0"));
}

INSTANTIATE_TEST_SUITE_P(Cut, DeallocationTest,
                         testing::Values(1, 2, 3, 5, 6, 7, 11, 64, 1U << 20U),
                         testing::PrintToStringParamName());

TEST(DeallocatedName, IsWhatTheServerWouldLookFor) {
  // Goal: every form of one DEALLOCATE, and nothing of any other text.
  const auto name = [](std::string_view sql) {
    return sql::deallocated_name(sql, {}).value_or("-");
  };
  EXPECT_EQ(name("DEALLOCATE a"), "a");
  EXPECT_EQ(name("/* app */ deallocate PREPARE Ab;"), "ab");
  EXPECT_EQ(name("; deallocate \"Ab\" ;; -- x"), "Ab");
  EXPECT_EQ(name("deallocate prepare"), "prepare");
  EXPECT_EQ(name("deallocate \"all\""), "all");
  EXPECT_EQ(name("deallocate \"prepare\""), "prepare");
  for (const auto* other :
       {"", "deallocate", "deallocate all", "deallocate prepare all", "deallocate a b",
        "deallocate \"prepare\" b", "deallocate a; deallocate b", "deallocate a.b",
        "deallocate 'a'", "deallocate \xc3\xa9", "deallocate U&\"a\"", "\"deallocate\" a",
        "explain deallocate a", "deallocate \"a", "select 1"})
    EXPECT_EQ(name(other), "-") << other;
}

}  // namespace
}  // namespace pgkeel::gateway::test
