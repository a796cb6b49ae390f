#include "serve/problem.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pgkeel::serve {
namespace {

using nlohmann::json;

TEST(Problem, HasCodeMessageAndHint) {
  // Every error says what failed, on what, and what to do next.
  const auto response =
      problem(Error(ErrorCode::WrongState, "already paused").with_context("pause"));
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const auto document = json::parse(response.body);
  EXPECT_EQ(document["title"], "Conflict");
  EXPECT_EQ(document["status"], 409);
  EXPECT_EQ(document["code"], "wrong_state");
  EXPECT_EQ(document["message"], "pause: already paused");
  EXPECT_EQ(document["hint"], error_info(ErrorCode::WrongState).hint);
}

TEST(Problem, StatusFollowsTheKindOfError) {
  // The caller's fault is 4xx, ours is 5xx, and 503 means that trying again may help.
  const auto status = [](ErrorCode code) { return http_status(Error(code, "")); };
  EXPECT_EQ(status(ErrorCode::Usage), 400);
  EXPECT_EQ(status(ErrorCode::ConfigBadValue), 400);
  EXPECT_EQ(status(ErrorCode::NotFound), 404);
  EXPECT_EQ(status(ErrorCode::WrongState), 409);
  EXPECT_EQ(status(ErrorCode::Refused), 409);
  EXPECT_EQ(status(ErrorCode::WrongIdentity), 409);
  EXPECT_EQ(status(ErrorCode::AdviceOnly), 409);
  EXPECT_EQ(status(ErrorCode::NotSupported), 501);
  EXPECT_EQ(status(ErrorCode::Store), 503);
  EXPECT_EQ(status(ErrorCode::TimedOut), 504);
  EXPECT_EQ(status(ErrorCode::Malformed), 500);
  for (const auto& row : error_table()) {
    EXPECT_GE(status(row.code), 400) << row.name;
    EXPECT_LT(status(row.code), 600) << row.name;
  }
}

TEST(Problem, BytesThatAreNotUtf8AndSecretsDoNotGetOut) {
  // A server's message may hold anything.
  const auto response = problem(
      Error(ErrorCode::Query, "bad \xff byte near password='hunter2' of postgres://u:hunter2@h/"));
  const auto document = json::parse(response.body);
  EXPECT_EQ(document["message"].get<std::string>().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace pgkeel::serve
