#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/serve/fakes.hpp"

namespace pgkeel::serve {
namespace {

using nlohmann::json;
using Calls = std::vector<std::string>;

TEST(ControlApi, PauseForATimeOrUntilResumed) {
  // `pgkeel pause [--for 2h]`.
  FakeGuard guard;
  EXPECT_EQ(guard.post_locally("/api/v1/pause", R"({"for_ms":7200000})").body, "{\"done\":true}\n");
  EXPECT_EQ(guard.post_locally("/api/v1/pause", R"({"for_ms":null})").status, 200);
  EXPECT_EQ(guard.post_locally("/api/v1/pause", "").status, 200);
  EXPECT_EQ(guard.control.calls, (Calls{"pause 2h", "pause until resumed", "pause until resumed"}));
}

TEST(ControlApi, AWrongPauseIsRefusedAndChangesNothing) {
  // Bad input: one clear line, a hint, nothing changed.
  FakeGuard guard;
  for (const auto* body :
       {R"({"for_ms":0})", R"({"for_ms":-5})", R"({"for_ms":"2h"})", R"({"for_ms":1.5})",
        R"({"for_ms":true})", R"({"for_ms":99999999999999})", R"({"for_ms":18446744073709551615})",
        R"({"for":5})", R"([])", R"("x")", "{", "{\"for_ms\":5", "for_ms=5", "\xff\xfe"}) {
    const auto response = guard.post_locally("/api/v1/pause", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(response.content_type, "application/problem+json");
    const auto document = json::parse(response.body);
    EXPECT_EQ(document["code"], "usage") << body;
    EXPECT_NE(document["message"], "") << body;
    EXPECT_NE(document["hint"], "") << body;
  }
  EXPECT_TRUE(guard.control.calls.empty());
}

TEST(ControlApi, BodiesAreBounded) {
  // A deeply nested or very long body costs a bounded amount of work.
  FakeGuard guard;
  EXPECT_EQ(guard.post_locally("/api/v1/pause", std::string(100'000, '[')).status, 400);
  EXPECT_EQ(guard.post_locally("/api/v1/pause", std::string(10'000, '[')).status, 400);
  EXPECT_EQ(
      guard.post_locally("/api/v1/pause", std::string(8'000, '[') + std::string(8'000, ']')).status,
      400);
  const auto long_name = R"({"who":")" + std::string(300, 'x') + R"("})";
  EXPECT_EQ(guard.post_locally("/api/v1/unfence", long_name).status, 400);
}

TEST(ControlApi, ResumeAndUnfenceSayWhoAsked) {
  // X8: accepting another identity is an operator's word, so the journal gets a name.
  FakeGuard guard;
  EXPECT_EQ(guard.post_locally("/api/v1/resume", "").status, 200);
  EXPECT_EQ(guard.post_locally("/api/v1/anchor", R"({"anchor":"remove"})").status, 200);
  EXPECT_EQ(guard.post_locally("/api/v1/anchor", R"({"anchor":"drop"})").status, 400);
  EXPECT_EQ(guard.post_locally("/api/v1/unfence", R"({"who":"ann"})").status, 200);
  EXPECT_EQ(guard.post_locally("/api/v1/unfence", "{}").status, 200);
  EXPECT_EQ(guard.post_locally("/api/v1/unfence", R"({"who":""})").status, 400);
  EXPECT_EQ(guard.post_locally("/api/v1/unfence", R"({"who":"a\nb"})").status, 400);
  EXPECT_EQ(guard.post_locally("/api/v1/application", R"({"who":"ann"})").status, 200);
  EXPECT_EQ(guard.post_locally("/api/v1/application", R"({"apply":true})").status, 400);
  EXPECT_EQ(guard.control.calls,
            (Calls{"resume", "remove the anchor", "unfence by ann",
                   "unfence by the API over the Unix socket", "make the application for ann"}));
}

TEST(ControlApi, AChangeOfACommandIsNoted) {
  // Goal: C4 A7: who changed what, before and after; nothing but changes our commands make.
  FakeGuard guard;
  EXPECT_EQ(guard
                .post_locally("/api/v1/note",
                              R"({"what":"protect_apply","subject":"shop","detail":"begun",)"
                              R"("who":"ann"})")
                .status,
            200);
  EXPECT_EQ(guard.post_locally("/api/v1/note", R"({"what":"tune_apply"})").status, 400);
  EXPECT_EQ(guard.post_locally("/api/v1/note", R"({"what":"x","subject":"shop"})").status, 400);
  EXPECT_EQ(guard.control.calls, (Calls{"note protect_apply shop begun by ann"}));
}

TEST(ControlApi, AnAcknowledgementNamesIncidentAndPerson) {
  // Goal: who looks after which incident; without an incident it is 400, over TCP it needs the
  // token, what the guard refuses keeps its code (D16).
  FakeGuard guard;
  EXPECT_EQ(
      guard.post_locally("/api/v1/ack", R"({"incident":"2026-11-21-003","who":"ann"})").status,
      200);
  EXPECT_EQ(guard.post_locally("/api/v1/ack", R"({"who":"ann"})").status, 400);
  EXPECT_EQ(guard.post_locally("/api/v1/ack", R"({"incident":7})").status, 400);
  EXPECT_EQ(guard.ask(post_request("/api/v1/ack", R"({"incident":"x"})")).status, 403);
  EXPECT_EQ(guard.control.calls, Calls{"ack 2026-11-21-003 by ann"});
  guard.control.result = fail(ErrorCode::WrongState, "incident x is closed");
  EXPECT_EQ(guard.post_locally("/api/v1/ack", R"({"incident":"x"})").status, 409);
}

TEST(ControlApi, AnIncidentIsAbandonedAndTakenBack) {
  // Goal: whose hands an incident is in; over TCP it needs the token (D16).
  FakeGuard guard;
  EXPECT_EQ(guard.post_locally("/api/v1/abandon", R"({"incident":"1","who":"ann"})").status, 200);
  EXPECT_EQ(guard.post_locally("/api/v1/take-back", R"({"incident":"1"})").status, 200);
  EXPECT_EQ(guard.post_locally("/api/v1/abandon", "{}").status, 400);
  EXPECT_EQ(guard.ask(post_request("/api/v1/abandon", R"({"incident":"1"})")).status, 403);
  EXPECT_EQ(guard.ask(post_request("/api/v1/take-back", R"({"incident":"1"})")).status, 403);
  EXPECT_EQ(guard.control.calls, (Calls{"abandon 1 by ann", "take back 1"}));
}

TEST(ControlApi, ForgetTakesARelationOrADatabase) {
  // "What was dropped on purpose stays dropped": the operator's answer, remembered.
  FakeGuard guard;
  EXPECT_EQ(guard.post_locally("/api/v1/forget", R"({"relation":"shop.public.orders","who":"ann"})")
                .status,
            200);
  EXPECT_EQ(
      guard.post_locally("/api/v1/forget", R"({"database":"a.b","relation":"s.t.x","who":"ann"})")
          .status,
      200);
  EXPECT_EQ(guard.post_locally("/api/v1/forget", R"({"database":"shop","who":"ann"})").status, 200);
  EXPECT_EQ(guard.control.calls,
            (Calls{"forget public.orders in shop by ann", "forget s.t.x in a.b by ann",
                   "forget database shop by ann"}));
}

TEST(ControlApi, ForgetRefusesHalfNames) {
  // A half name could forget more than was meant.
  FakeGuard guard;
  for (const auto* body :
       {"{}", "", R"({"relation":"orders"})", R"({"relation":"public.orders"})",
        R"({"relation":".public.orders"})", R"({"relation":"shop.public."})",
        R"({"relation":"shop..orders"})", R"({"relation":"shop."})",
        R"({"database":"shop","relation":"orders"})", R"({"relation":7})", R"({"table":"x"})"})
    EXPECT_EQ(guard.post_locally("/api/v1/forget", body).status, 400) << body;
  EXPECT_TRUE(guard.control.calls.empty());
}

TEST(ControlApi, TheGuardsOwnErrorComesBack) {
  // A command finds its exit code again by the problem's code.
  FakeGuard guard;
  guard.control.result = fail(ErrorCode::NotFound, "no relation public.x is known in shop");
  const auto response = guard.post_locally("/api/v1/forget", R"({"relation":"shop.public.x"})");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(json::parse(response.body)["code"], "not_found");
  EXPECT_EQ(json::parse(response.body)["message"], "no relation public.x is known in shop");
}

TEST(ControlApi, CleanupIsNotInEffectYet) {
  // E6: the endpoint exists, does nothing and says so.
  FakeGuard guard;
  const auto response = guard.post_locally("/database/cleanup", "");
  EXPECT_EQ(response.status, 501);
  EXPECT_EQ(json::parse(response.body)["code"], "not_supported");
}

}  // namespace
}  // namespace pgkeel::serve
