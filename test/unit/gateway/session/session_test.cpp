// What clients and servers say to each other through the gateway's sessions, however it is cut.
#include <gmock/gmock.h>

#include "unit/gateway/session/session_scene.hpp"

namespace pgkeel::gateway::test {
namespace {

using testing::HasSubstr;
using Step = ServerSession::Step;

constexpr std::size_t kStatementBytes = ClientSession::kHeldMost - 100;

/// Whole chunks, and every small cut.
class SessionTest : public testing::TestWithParam<std::size_t> {
 protected:
  Scene session_{Sharing::Session, GetParam()};
  Scene shared_{Sharing::Transaction, GetParam()};
};

TEST_P(SessionTest, ForwardsASimpleQuery) {
  // Goal: B4: what goes in comes out, and the server is free behind its ReadyForQuery.
  auto server = shared_.server();
  EXPECT_EQ(shared_.says("Q(select 1)", &server), "Q(select 1)");
  EXPECT_FALSE(server.exchange().idle());
  EXPECT_EQ(shared_.answers(server, "T D(1) C(SELECT 1)"), "T D C(SELECT 1)");
  EXPECT_EQ(shared_.server_step, Step::Done);
  EXPECT_EQ(shared_.answers(server, "Z(I)"), "Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
  EXPECT_FALSE(shared_.client().keeps_server());
}

TEST_P(SessionTest, Hazard09AServerIsFreeOnlyWhenItOwesNothing) {
  // Goal: hazard 9: several ReadyForQuery of a pipeline; only the last frees the server.
  auto server = shared_.server();
  shared_.says("P(,a) B(,) E S P(,b) B(,) E S Q(c)", &server);
  shared_.answers(server, "1 2 C(SELECT 1) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Done);
  shared_.answers(server, "1 2 C(SELECT 1) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Done);
  shared_.answers(server, "C(SELECT 1) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
}

TEST_P(SessionTest, Hazard10AFlushIsNoSync) {
  // Goal: hazard 10: what was answered after a Flush leaves the batch open.
  auto server = shared_.server();
  EXPECT_EQ(shared_.says("P(,a) D(S,) H", &server), "P(,a) D(S,) H");
  EXPECT_EQ(shared_.answers(server, "1 t n"), "1 t n");
  EXPECT_FALSE(server.exchange().idle());
  EXPECT_FALSE(server.exchange().quiet());
  shared_.says("S", &server);
  shared_.answers(server, "Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
}

TEST_P(SessionTest, Hazard11AnErrorSkipsToTheSync) {
  // Goal: hazard 11: what stood behind the failed one is not answered; what is prepared for the
  // client in front of it neither, and is prepared again.
  auto server = shared_.server();
  EXPECT_EQ(shared_.says("P(s1,a) B(,s1) E S", &server), "P(pgkeel_s1,a) B(,pgkeel_s1) E S");
  EXPECT_EQ(shared_.answers(server, "E(42P01) Z(I)"), "E(42P01) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
  EXPECT_EQ(shared_.says("B(,s1) E S", &server), "B(,s1) E S") << "it has no such statement";
  EXPECT_EQ(shared_.answers(server, "E(26000) Z(I)"), "E(26000) Z(I)");
  EXPECT_EQ(shared_.says("P(s1,a) S", &server), "P(pgkeel_s2,a) S");
  EXPECT_EQ(shared_.answers(server, "1 Z(I)"), "1 Z(I)");

  auto other = shared_.server();
  EXPECT_EQ(shared_.says("B(,nobody) B(,s1) E S", &other),
            "B(,nobody) P(pgkeel_s2,a) B(,pgkeel_s2) E S");
  EXPECT_EQ(shared_.answers(other, "E(26000) Z(I)"), "E(26000) Z(I)");
  EXPECT_EQ(shared_.says("B(,s1) E S", &other), "P(pgkeel_s2,a) B(,pgkeel_s2) E S")
      << "the injected Parse was skipped, too";
  EXPECT_EQ(shared_.answers(other, "1 2 C(SELECT 1) Z(I)"), "2 C(SELECT 1) Z(I)");
}

TEST_P(SessionTest, Hazard11WhatComesAfterTheErrorIsSkippedToo) {
  // Goal: hazard 11: an error that is known already: the rest of the batch prepares nothing.
  auto server = shared_.server();
  shared_.says("P(,a) H", &server);
  shared_.answers(server, "E(42601)");
  EXPECT_TRUE(server.exchange().skipping());
  EXPECT_EQ(shared_.says("P(s1,b) B(,s1) E", &server), "E");
  EXPECT_EQ(shared_.says("S", &server), "S");
  EXPECT_EQ(shared_.answers(server, "Z(I)"), "Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
  EXPECT_EQ(shared_.says("B(,s1) S", &server), "B(,s1) S") << "never prepared";
}

TEST_P(SessionTest, Hazard12ATransactionKeepsItsServer) {
  // Goal: hazards 12, 13: T and E are not free; a COMMIT that was a ROLLBACK is.
  auto server = shared_.server();
  shared_.says("Q(begin)", &server);
  shared_.answers(server, "C(BEGIN) Z(T)");
  EXPECT_EQ(shared_.server_step, Step::Quiet);
  shared_.says("Q(oops)", &server);
  shared_.answers(server, "E(42601) Z(E)");
  EXPECT_EQ(shared_.server_step, Step::Quiet);
  shared_.says("Q(commit)", &server);
  shared_.answers(server, "C(ROLLBACK) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
}

TEST_P(SessionTest, Hazard14ASuspendedPortalKeepsItsServer) {
  // Goal: hazard 14: rows taken in portions behind a Flush.
  auto server = shared_.server();
  shared_.says("P(,a) B(,) E H", &server);
  EXPECT_EQ(shared_.answers(server, "1 2 D(1) s"), "1 2 D s");
  EXPECT_FALSE(server.exchange().idle());
  shared_.says("E S", &server);
  EXPECT_EQ(shared_.answers(server, "D(2) C(SELECT 1) Z(I)"), "D C(SELECT 1) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
}

TEST_P(SessionTest, Hazard17SyncIsIgnoredDuringCopyIn) {
  // Goal: hazard 17: Syncs that were sent before the server began to read, those that come
  // meanwhile, and the one behind the end.
  auto server = shared_.server();
  shared_.says("P(,copy) B(,) E S", &server);
  EXPECT_EQ(shared_.answers(server, "1 2 G"), "1 2 G");
  shared_.says("d(x) S d(y) c S", &server);
  EXPECT_EQ(shared_.answers(server, "C(COPY 2) Z(I)"), "C(COPY 2) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
  EXPECT_TRUE(server.exchange().idle());
}

TEST_P(SessionTest, Hazard17ACopyThatWasPipelinedWhole) {
  // Goal: hazard 17: data, end and Sync are on their way before the server says it will copy.
  auto server = shared_.server();
  shared_.says("P(,copy) B(,) E S d(x) c S Q(next)", &server);
  shared_.answers(server, "1 2 G C(COPY 1) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Done);
  shared_.answers(server, "C(SELECT 1) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
}

TEST_P(SessionTest, Hazard17AnErrorInTheMiddleOfACopy) {
  // Goal: hazard 17: the client still sends when the server has given up; the rest goes nowhere.
  auto server = shared_.server();
  shared_.says("Q(copy t from stdin)", &server);
  shared_.answers(server, "G");
  shared_.says("d(x)", &server);
  EXPECT_EQ(shared_.answers(server, "E(22P02) Z(I)"), "E(22P02) Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
  EXPECT_EQ(shared_.says("d(y) c", nullptr), "");
  EXPECT_EQ(shared_.step, ClientSession::Step::Done);
  EXPECT_EQ(shared_.says("Q(next)", nullptr), "");
  EXPECT_EQ(shared_.step, ClientSession::Step::NeedsServer);
}

TEST_P(SessionTest, Hazard20WhatElseAServerAnswers) {
  // Goal: hazard 20: FunctionCall, EmptyQueryResponse, NoData.
  auto server = shared_.server();
  shared_.says("F Q() P(,) D(S,) B(,) E S", &server);
  EXPECT_EQ(shared_.answers(server, "V Z(I) I Z(I) 1 t n 2 I Z(I)"),
            "V Z(I) I Z(I) 1 t n 2 I Z(I)");
  EXPECT_EQ(shared_.server_step, Step::Free);
}

TEST_P(SessionTest, Hazard19AsynchronousMessagesPass) {
  // Goal: hazard 19: notices, notifications and parameters at any time.
  auto server = shared_.server();
  shared_.says("Q(select 1)", &server);
  EXPECT_EQ(shared_.answers(server, "N(01000) T S(TimeZone,UTC) D(1) C(SELECT 1) Z(I)"),
            "N(01000) T S D C(SELECT 1) Z(I)");
  EXPECT_EQ(shared_.answers(server, "S(in_hot_standby,off) N(01000)"), "S N(01000)");
  EXPECT_TRUE(server.exchange().idle());
}

TEST_P(SessionTest, Hazard22StatementsHaveOneNameOnEveryServer) {
  // Goal: hazard 22: names are rewritten, what a server lacks is prepared in front and its answer
  // kept from the client.
  auto one = shared_.server();
  auto two = shared_.server();
  EXPECT_EQ(shared_.says("P(s,select $1) D(S,s) S", &one),
            "P(pgkeel_s1,select $1) D(S,pgkeel_s1) S");
  EXPECT_EQ(shared_.answers(one, "1 t T Z(I)"), "1 t T Z(I)");
  EXPECT_EQ(shared_.says("B(p,s,7) E(p) S", &two), "P(pgkeel_s1,select $1) B(p,pgkeel_s1) E S");
  EXPECT_EQ(shared_.answers(two, "1 2 D(7) C(SELECT 1) Z(I)"), "2 D C(SELECT 1) Z(I)");
  EXPECT_EQ(shared_.says("B(p,s,8) E(p) S", &two), "B(p,pgkeel_s1) E S");
  shared_.answers(two, "2 D(8) C(SELECT 1) Z(I)");

  // Another name for the same text is not prepared again, and is answered in order.
  EXPECT_EQ(shared_.says("B(,s) E P(t,select $1) E S", &two), "B(,pgkeel_s1) E E S");
  EXPECT_EQ(shared_.told(), "");
  EXPECT_EQ(shared_.answers(two, "2 D(1) C(SELECT 1) C(SELECT 0) Z(I)"),
            "2 D C(SELECT 1) 1 C(SELECT 0) Z(I)");
  // Closed for the client; the server keeps it for others.
  EXPECT_EQ(shared_.says("C(S,s) S", &two), "S");
  EXPECT_EQ(shared_.answers(two, "Z(I)"), "3 Z(I)");
  EXPECT_EQ(shared_.says("B(,s) S", &two), "B(,s) S");
}

TEST_P(SessionTest, Hazard22ANameThatIsTakenIsRefusedByTheServer) {
  // Goal: hazard 22: 42P05 as PostgreSQL says it, and the first statement stays.
  auto server = shared_.server();
  shared_.says("P(s,a) S", &server);
  shared_.answers(server, "1 Z(I)");
  EXPECT_EQ(shared_.says("P(s,b) S", &server), "P(pgkeel_s1,b) S");
  EXPECT_EQ(shared_.answers(server, "E(42P05) Z(I)"), "E(42P05) Z(I)");
  EXPECT_EQ(shared_.says("B(,s) S", &server), "B(,pgkeel_s1) S");
}

TEST_P(SessionTest, Hazard22NobodyReachesAnothersUnnamedStatement) {
  // Goal: hazard 22: the unnamed statement of a server is one client's; another that binds without
  // having prepared gets an error, and its own follows it to other servers.
  auto one = shared_.server();
  shared_.says("P(,secret) S", &one);
  shared_.answers(one, "1 Z(I)");
  Scene other(Sharing::Transaction, GetParam());
  EXPECT_EQ(other.says("B(,) E S", &one), "B(,pgkeel_none) E S");
  other.answers(one, "E(26000) Z(I)");
  auto two = shared_.server();
  EXPECT_EQ(shared_.says("B(,) E S", &two), "P(,secret) B(,) E S");
  EXPECT_EQ(shared_.answers(two, "1 2 C(SELECT 1) Z(I)"), "2 C(SELECT 1) Z(I)");
  EXPECT_EQ(shared_.says("B(,) E S", &two), "B(,) E S");
  shared_.answers(two, "2 C(SELECT 1) Z(I)");
  // A simple query ends it, as on a server of its own.
  shared_.says("Q(x)", &two);
  shared_.answers(two, "C(SELECT 1) Z(I)");
  EXPECT_EQ(shared_.says("B(,) E S", &two), "B(,) E S");
}

TEST_P(SessionTest, Hazard22WhatIsPreparedAnewIsBounded) {
  // Goal: hazards 16, 22: long statements prepared anew in one go: the rest waits until the server
  // has answered, and is asked to.
  auto one = shared_.server();
  const std::string sql(kStatementBytes, 'x');
  for (int at = 0; at < 8; ++at) {
    const auto name = std::to_string(at);
    shared_.says("P(" + name + "," + name + sql + ") S", &one);
    shared_.answers(one, "1 Z(I)");
  }
  auto two = shared_.server();
  const auto said = shared_.says("B(,0) B(,1) B(,2) B(,3) B(,4) B(,5) B(,6) B(,7) S", &two);
  if (shared_.step != ClientSession::Step::Full) GTEST_SKIP() << "each cut is a go of its own";
  EXPECT_TRUE(said.ends_with(" H"));
  EXPECT_FALSE(said.contains("pgkeel_s8"));
  shared_.answers(two, "1 2");
  EXPECT_THAT(shared_.says("", &two), HasSubstr("B(,pgkeel_s8) S"));
}

TEST_P(SessionTest, Hazard22WhatWasSkippedLeavesNobodysStatement) {
  // Goal: hazard 22: a Parse, a Close or a Query that the server skipped: the unnamed statement
  // that is there may be another client's, and nobody gets at it.
  for (const auto* skipped : {"P(,mine) S", "B(,) S", "Q(x) S", "C(S,) S"}) {
    auto server = shared_.server();
    Scene other(Sharing::Transaction, GetParam());
    other.says("P(,secret) S", &server);
    other.answers(server, "1 Z(I)");
    Scene one(Sharing::Transaction, GetParam());
    one.says(std::string("B(,nosuch) ") + skipped, &server);
    one.answers(server, "E(26000) Z(I)");
    const auto said = one.says("B(,) E S", &server);
    EXPECT_TRUE(said == "B(,pgkeel_none) E S" || said == "P(,mine) B(,) E S") << skipped << said;
  }
}

TEST_P(SessionTest, Hazard11WhatWasSkippedIsAsItWasBefore) {
  // Goal: hazard 11: a Close and a Parse of one name, both skipped: the statement is still there.
  auto server = shared_.server();
  shared_.says("P(s,old) S", &server);
  shared_.answers(server, "1 Z(I)");
  EXPECT_EQ(shared_.says("B(,nosuch) C(S,s) P(s,new) S", &server), "B(,nosuch) P(pgkeel_s2,new) S");
  EXPECT_EQ(shared_.answers(server, "E(26000) Z(I)"), "E(26000) Z(I)");
  EXPECT_EQ(shared_.says("B(,s) S", &server), "B(,pgkeel_s1) S");
}

TEST_P(SessionTest, Hazard22ALongUnnamedStatementGoesAsItComes) {
  // Goal: hazard 22: longer than is kept: not assembled, and the client keeps its server.
  auto server = shared_.server();
  const auto sql = std::string(ClientSession::kUnnamedMost + 100, 'x');
  EXPECT_EQ(shared_.says("P(," + sql + ") S", &server), "P(," + sql + ") S");
  EXPECT_LE(shared_.client().bytes_held(), 1024U);
  shared_.answers(server, "1 Z(I)");
  EXPECT_TRUE(shared_.client().keeps_server());
  EXPECT_EQ(shared_.says("B(,) E S", &server), "B(,) E S");
  shared_.answers(server, "2 C(SELECT 1) Z(I)");
  shared_.says("Q(x)", &server);
  EXPECT_FALSE(shared_.client().keeps_server());
}

TEST_P(SessionTest, Hazard23AParseOnItsWayIsThereForWhatFollows) {
  // Goal: hazard 23: a pipeline binds what it has only just said; another client that prepares the
  // same meanwhile shares it; where it fails, neither keeps it.
  auto server = shared_.server();
  EXPECT_EQ(shared_.says("P(s,a) B(,s) E D(S,s) S P(t,a) B(,t) E S", &server),
            "P(pgkeel_s1,a) B(,pgkeel_s1) E D(S,pgkeel_s1) S B(,pgkeel_s1) E S");
  EXPECT_EQ(shared_.answers(server, "1 2 C(SELECT 1) t n Z(I) 2 C(SELECT 1) Z(I)"),
            "1 2 C(SELECT 1) t n Z(I) 1 2 C(SELECT 1) Z(I)");
  shared_.says("P(u,bad) B(,u) E S", &server);
  EXPECT_EQ(shared_.answers(server, "E(42601) Z(I)"), "E(42601) Z(I)");
  EXPECT_EQ(shared_.client().statements()->find("u"), nullptr);
  EXPECT_EQ(shared_.says("P(u,bad) S", &server), "P(pgkeel_s3,bad) S") << "asked anew";
}

TEST_P(SessionTest, Hazard26TypesAndPathsMakeAnotherStatement) {
  // Goal: hazard 26: the same text with other types, within another search path, or behind a SET of
  // it, is not shared; nor is one whose result has changed.
  const auto text = [](std::string_view sql, std::string_view types) {
    ByteBuffer bytes;
    pg::wire::put_bytes(bytes, std::as_bytes(std::span(sql)));
    bytes.push_back(std::byte{0});
    pg::wire::put_bytes(bytes, std::as_bytes(std::span(types)));
    return bytes;
  };
  auto& store = shared_.store();
  const auto one = text("select $1", std::string_view("\0\1\0\0\0\27", 6));
  const auto plain = store.intern(one, "", {});
  EXPECT_EQ(store.intern(one, "", {}), plain);
  EXPECT_NE(store.intern(text("select $1", std::string_view("\0\1\0\0\0\31", 6)), "", {}), plain);
  const auto pathed = store.intern(one, "search_path=a", {});
  EXPECT_NE(pathed, plain);
  EXPECT_EQ(store.intern(one, "search_path=a", {}), pathed);
  EXPECT_TRUE(std::ranges::equal(pathed->text_and_types(), one));
  EXPECT_NE(store.alone(one, {}), plain);
  store.outdated(*plain);
  const auto fresh = store.intern(one, "", {});
  EXPECT_NE(fresh, plain);
  store.outdated(*plain);
  EXPECT_EQ(store.intern(one, "", {}), fresh) << "it was another's place";

  auto server = shared_.server();
  EXPECT_EQ(shared_.says("P(,set local search_path = a) B(,) E P(s,select 1) S", &server),
            "P(,set local search_path = a) B(,) E P(pgkeel_s6,select 1) S");
  EXPECT_EQ(store.size(), 2U) << "that one is nobody else's";
}

TEST_P(SessionTest, Hazard24WhatIsEvictedIsClosedBehindItsUse) {
  // Goal: hazard 24: a server keeps so many; the oldest is closed where no Bind before needs it.
  auto server = shared_.server(2);
  EXPECT_EQ(shared_.says("P(a,1) P(b,2) B(,a) E P(c,3) B(,b) E B(,a) E S", &server),
            "P(pgkeel_s1,1) P(pgkeel_s2,2) B(,pgkeel_s1) E P(pgkeel_s3,3) C(S,pgkeel_s2) "
            "P(pgkeel_s2,2) C(S,pgkeel_s1) B(,pgkeel_s2) E P(pgkeel_s1,1) C(S,pgkeel_s3) "
            "B(,pgkeel_s1) E S");
  EXPECT_EQ(
      shared_.answers(server, "1 1 2 C(SELECT 1) 1 3 1 3 2 C(SELECT 1) 1 3 2 C(SELECT 1) Z(I)"),
      "1 1 2 C(SELECT 1) 1 2 C(SELECT 1) 2 C(SELECT 1) Z(I)");
}

TEST_P(SessionTest, ASessionKeepsItsNames) {
  // Goal: B4: in session pooling nothing is rewritten.
  auto server = session_.server();
  EXPECT_EQ(session_.says("P(s,a) B(,s) D(P,) E C(S,s) S", &server),
            "P(s,a) B(,s) D(P,) E C(S,s) S");
  EXPECT_EQ(session_.answers(server, "1 2 T C(SELECT 1) 3 Z(I)"), "1 2 T C(SELECT 1) 3 Z(I)");
  EXPECT_TRUE(session_.client().keeps_server());
}

TEST(CancelledRequest, IsDroppedWhole) {
  // Goal: hazard 27: of what waits for a server, what one ReadyForQuery answers goes, and nothing
  // behind it; what has not all come stays.
  const auto left = [](std::string_view script, std::size_t cut_off) {
    Scene scene(Sharing::Transaction);
    auto held = frontend(script);
    held.resize(held.size() - cut_off);
    ByteSpan chunk = held;
    Collected nowhere;
    EXPECT_EQ(scene.client().take(chunk, nullptr, nowhere, nowhere).value(),
              ClientSession::Step::NeedsServer);
    held.assign(chunk.begin(), chunk.end());
    if (!scene.client().drop_request(held)) return std::string("kept");
    auto server = scene.server();
    ByteSpan rest = held;
    EXPECT_TRUE(scene.client().take(rest, &server, nowhere, nowhere));
    return as_frontend(nowhere.take());
  };
  EXPECT_EQ(left("Q(select 1)", 0), "");
  EXPECT_EQ(left("Q(select 1) Q(select 2)", 0), "Q(select 2)");
  EXPECT_EQ(left("Q(select 1)", 1), "kept");
  EXPECT_EQ(left("P(s,a) B(,s) E H E S Q(b)", 0), "Q(b)");
  EXPECT_EQ(left("P(s,a) B(,s) E S P(t,b) S", 3), "P(pgkeel_s1,b)");
  EXPECT_EQ(left("P(s,a) B(,s) E", 0), "kept");
  EXPECT_EQ(left("P(s,a) B(,s) Q(b)", 0), "kept");
  EXPECT_EQ(left("S", 0), "kept");
  EXPECT_EQ(left("F Q(b)", 0), "Q(b)");
}

TEST_P(SessionTest, NothingIsTakenWithoutAServer) {
  // Goal: B4: what needs a server waits, header and all; Terminate does not.
  EXPECT_EQ(shared_.says("Q(select 1)", nullptr), "");
  EXPECT_EQ(shared_.step, ClientSession::Step::NeedsServer);
  auto server = shared_.server();
  EXPECT_EQ(shared_.says("Q(select 2)", &server), "Q(select 1) Q(select 2)");
  Scene leaving(Sharing::Transaction, GetParam());
  leaving.says("X", nullptr);
  EXPECT_EQ(leaving.step, ClientSession::Step::Left);
}

TEST_P(SessionTest, AnAnswerNobodyAskedForEndsIt) {
  // Goal: bad input: a server that answers what was not asked is no server to go on with.
  auto server = shared_.server();
  EXPECT_THROW(shared_.answers(server, "Z(I)"), std::runtime_error);
  auto two = shared_.server();
  shared_.says("P(,a) S", &two);
  EXPECT_THROW(shared_.answers(two, "2"), std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(Cut, SessionTest, testing::Values(1, 2, 3, 5, 6, 7, 11, 64, 1U << 20U),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace pgkeel::gateway::test
