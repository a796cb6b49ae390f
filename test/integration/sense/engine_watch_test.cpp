// Listening to a container engine over a real socket: what it tells reaches the observation, and
// one that tells nothing, or nonsense, changes nothing.
#include "sense/engine_watch.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "instance/container_instance.hpp"
#include "runtime/http.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace pgkeel::sense {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kContainer =
    R"({"Id":"c0ffee","Name":"/pg","State":{"Running":true},
        "Mounts":[{"Type":"volume","Name":"pgdata","Source":"/nowhere/pgdata",
                   "Destination":"/var/lib/postgresql/data","RW":true}]})";
constexpr std::string_view kEvents =
    R"({"Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{"name":"redis"}}}
{"Type":"container","Action":"start","Actor":{"ID":"c0ffee","Attributes":{"name":"pg"}}}
)";

class EngineWatchLive : public testing::Test {
 protected:
  void serve() { ASSERT_TRUE(server_.listen_unix(dir_ / "s", 0600).has_value()); }
  runtime::Task<HttpResponse> answer(HttpRequest request) {
    HttpResponse response;
    if (request.path.ends_with("/events")) {
      ++asked_for_events_;
      const auto since = request.query.find("since");
      since_ = since == request.query.end() ? "" : since->second;
      response.body = events_;
    } else {
      response.body = request.path.ends_with("/containers/json") ? "[]" : std::string(kContainer);
    }
    co_return response;
  }
  runtime::Task<void> until(bool (*done)(const Board&), Millis patience) {
    const auto deadline = loop_.after(patience);
    while (!done(board_) && loop_.now() < deadline)
      static_cast<void>(co_await loop_.sleep_for(Millis(5)));
  }
  // Listens for as long as the test's body takes.
  void listen_until(bool (*done)(const Board&), Millis patience) {
    loop_.spawn(watch_engine(&board_, &instance_, since_known_));
    loop_.run_until_complete(until(done, patience));
  }
  static bool never(const Board& /*board*/) { return false; }
  static bool told(const Board& board) { return !board.seen.hosting.words.empty(); }

  test::TempDir dir_;
  std::string events_{kEvents};
  int asked_for_events_ = 0;
  std::string since_;
  WallTime since_known_;
  runtime::Loop loop_;
  Board board_{loop_, {}};
  instance::ContainerInstance instance_{loop_, {"pg", dir_ / "s", {}}};
  runtime::HttpServer server_{loop_,
                              [this](HttpRequest request) { return answer(std::move(request)); }};
};

TEST_F(EngineWatchLive, AStartIsKeptAndTheServerExpected) {
  // Goal: the server's own event is kept as evidence, another's is not, and the postmaster is
  // looked for more often for a while (D3).
  serve();
  listen_until(told, test::kPatience);
  ASSERT_EQ(board_.seen.hosting.words.size(), 1U);
  EXPECT_THAT(board_.seen.hosting.words.front().text, HasSubstr("container pg: start"));
  EXPECT_GT(board_.expected_until, loop_.now());
}

TEST_F(EngineWatchLive, WhatHappenedWhileNobodyListenedIsKeptAndNotActedOn) {
  // Goal: the engine is asked for what was missed since the last event known; that one is not told
  // twice, and a start long past makes nobody look for a postmaster (A5 C6).
  const auto known = std::chrono::floor<Seconds>(wall_now()) - Seconds(3600);
  const auto seconds = known.time_since_epoch().count();
  since_known_ = known;
  events_ =
      fmt::format(R"({{"Type":"container","Action":"start","time":{0},"Actor":{{"ID":"c0ffee"}}}}
{{"Type":"container","Action":"die","timeNano":{1}500000000,"Actor":{{"ID":"c0ffee","Attributes":{{"exitCode":"137"}}}}}}
)",
                  seconds, seconds + 60);
  serve();
  listen_until(told, test::kPatience);
  EXPECT_EQ(since_, fmt::format("{}.000000", seconds));
  ASSERT_EQ(board_.seen.hosting.words.size(), 1U);
  EXPECT_THAT(board_.seen.hosting.words.front().text, HasSubstr("die, exit code 137"));
  EXPECT_LT(board_.seen.hosting.words.front().at, loop_.now() - Seconds(60));
  EXPECT_EQ(board_.expected_until, SteadyTime());
}

TEST_F(EngineWatchLive, NonsenseIsAskedAgainOnlyAfterAPause) {
  // Goal: an engine that tells nonsense is left alone for a while, and nothing is believed (D3).
  events_ = "<html>It works!</html>\n";
  serve();
  listen_until(never, Millis(300));
  EXPECT_EQ(asked_for_events_, 1);
  EXPECT_THAT(board_.seen.hosting.words, IsEmpty());
}

TEST_F(EngineWatchLive, AFloodIsNotListenedTo) {
  // Goal: a thousand events in a moment are not a thousand looks (D3).
  const std::string once(kEvents);
  for (int i = 0; i < 500; ++i) events_ += once;
  serve();
  listen_until(never, Millis(500));
  EXPECT_EQ(asked_for_events_, 1);
  EXPECT_LE(board_.seen.hosting.words.size(), kEngineWordsKept);
}

TEST_F(EngineWatchLive, AnEngineThatComesBackIsHeardAgain) {
  // Goal: without a socket nothing is known; when there is one it is found by itself (D3).
  loop_.spawn(watch_engine(&board_, &instance_, since_known_));
  loop_.run_until_complete(until(never, Millis(50)));
  EXPECT_EQ(asked_for_events_, 0);
  serve();
  loop_.run_until_complete(until(told, test::kPatience));
  EXPECT_TRUE(told(board_));
}

}  // namespace
}  // namespace pgkeel::sense
