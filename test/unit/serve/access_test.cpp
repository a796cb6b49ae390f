#include <fstream>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include "unit/serve/fakes.hpp"

namespace pgkeel::serve {
namespace {

using nlohmann::json;
using Via = HttpRequest::Via;

constexpr auto kSecret = "a-token-of-24-characters";

Token sample_token() {
  std::string name = "/tmp/pgkeel-test-token-XXXXXX";
  ::close(::mkstemp(name.data()));
  std::ofstream(name) << kSecret;
  auto token = Token::load(name);
  ::unlink(name.c_str());
  return *token;
}

// A request that would be right if it were allowed.
HttpRequest request_for(const Route& route, Via via, std::string authorization) {
  HttpRequest made;
  made.method = route.methods == Methods::Post ? "POST" : "GET";
  made.path = route.path;
  if (made.path.ends_with("*")) made.path.replace(made.path.size() - 1, 1, "2026-11-21-003");
  if (route.path == "/api/v1/forget") made.body = R"({"database":"shop"})";
  made.via = via;
  if (!authorization.empty()) made.headers["authorization"] = std::move(authorization);
  return made;
}

bool refused(int status) { return status == 401 || status == 403; }

TEST(AccessMatrix, EveryRouteByListenerAndToken) {
  // E6: over TCP nothing changes without the right token; over the Unix socket none is asked.
  for (const auto& route : routes()) {
    SCOPED_TRACE(route.path);
    FakeGuard open;  // no token configured
    FakeGuard locked;
    locked.token = sample_token();
    const auto status = [&](FakeGuard& guard, Via via, std::string authorization) {
      return guard.ask(request_for(route, via, std::move(authorization))).status;
    };
    const auto right = std::string("Bearer ") + kSecret;
    EXPECT_FALSE(refused(status(open, Via::Unix, "")));
    EXPECT_FALSE(refused(status(locked, Via::Unix, "")));
    EXPECT_EQ(refused(status(open, Via::Tcp, "")), route.access != Access::Open);
    EXPECT_EQ(refused(status(open, Via::Tcp, right)), route.access != Access::Open);
    EXPECT_EQ(refused(status(locked, Via::Tcp, "")), route.access != Access::Open);
    EXPECT_EQ(refused(status(locked, Via::Tcp, "Bearer wrong")), route.access != Access::Open);
    EXPECT_EQ(refused(status(locked, Via::Tcp, right)), route.access == Access::UnixOnly);
  }
}

TEST(AccessMatrix, EverythingThatIsPostedNeedsTheToken) {
  // The contract: everything that changes anything needs the bearer token.
  for (const auto& route : routes()) {
    if (route.methods == Methods::Post) EXPECT_EQ(route.access, Access::Token) << route.path;
  }
}

TEST(AccessMatrix, ARefusalTouchesNothingAndSaysWhatToDo) {
  // 401 where a token would help, 403 where none can; never the token itself.
  FakeGuard guard;
  guard.token = sample_token();
  const auto missing = guard.ask(request("POST", "/api/v1/pause"));
  EXPECT_EQ(missing.status, 401);
  EXPECT_EQ(header(missing, "WWW-Authenticate"), "Bearer realm=\"pgkeel\"");
  EXPECT_EQ(missing.content_type, "application/problem+json");
  EXPECT_EQ(json::parse(missing.body)["code"], "permission");
  const auto wrong = guard.ask(post_request("/api/v1/pause", "{}", "a-token-of-24-characterz"));
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.body.find("a-token"), std::string::npos);
  EXPECT_EQ(guard.get("/api/v1/conninfo").status, 403);
  guard.token.reset();
  EXPECT_EQ(guard.ask(request("POST", "/api/v1/pause")).status, 403);
  EXPECT_TRUE(guard.control.calls.empty());
}

TEST(Routing, UnknownPathsAndMethodsAreProblems) {
  // 404 and 405 as HTTP has them, with Allow.
  FakeGuard guard;
  for (const auto* path : {"/", "/nope", "/health/", "/api/v1/incidents/", "/api/v1/incidents/a/b",
                           "/api/v1", "/livez/x", ""}) {
    const auto response = guard.get(path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(json::parse(response.body)["code"], "not_found") << path;
  }
  const auto posted = guard.ask(request("POST", "/health"));
  EXPECT_EQ(posted.status, 405);
  EXPECT_EQ(header(posted, "Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(posted.content_type, "application/problem+json");
  const auto fetched = guard.get("/api/v1/pause");
  EXPECT_EQ(fetched.status, 405);
  EXPECT_EQ(header(fetched, "Allow"), "OPTIONS, POST");
  EXPECT_EQ(guard.ask(request("DELETE", "/metrics")).status, 405);
}

TEST(Routing, OptionsTellWhatIsAllowed) {
  // Without doing anything.
  FakeGuard guard;
  const auto options = guard.ask(request("OPTIONS", "/api/v1/status"));
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(header(options, "Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(guard.ask(request("OPTIONS", "/api/v1/pause")).status, 204);
  EXPECT_TRUE(guard.control.calls.empty());
}

TEST(Routing, EveryRouteIsListedOnce) {
  // A second line with the same path and methods would never be reached.
  for (const auto& one : routes())
    for (const auto& other : routes())
      if (&one != &other) EXPECT_FALSE(one.path == other.path) << one.path;
}

}  // namespace
}  // namespace pgkeel::serve
