// Two hundred clients at once that do all kinds of things over a handful of servers, each of which
// knows what its answers have to be. PGKEEL_CROWD_SECONDS makes it longer, for sanitizers.
#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "integration/gateway/running_gateway.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using gateway::Sharing;

constexpr int kClients = 200;
constexpr std::size_t kServers = 8;

Seconds crowd_time() {
  const char* said = std::getenv("PGKEEL_CROWD_SECONDS");
  return Seconds(said == nullptr ? 4 : std::atoi(said));
}

/// One client: what it does next is drawn, and what it is answered compared.
class Visitor {
 public:
  Visitor(const RunningGateway& gateway, int number)
      : gateway_(gateway), number_(number), random_(static_cast<unsigned>(number)) {}

  /// Throws with what was wrong.
  void stay(const std::atomic<bool>& over) {
    const auto tls = number_ % 4 == 0 ? "require" : "disable";
    while (!over) {
      Session session(gateway_.conninfo(fmt::format(
          "user=visitor password=secret sslmode={} application_name=v{}", tls, number_)));
      for (int turn = 0; turn < 30 && !over; ++turn) act(session);
      ++visits;
    }
  }
  int visits = 0;
  int kept = 0;  ///< rows it was told are there

 private:
  void act(Session& session) {
    switch (random_() % 8) {
      case 0: return expect(session(fmt::format("select {}", number_)), number_);
      case 1: return ask_prepared(session);
      case 2: return roll_back(session);
      case 3: return keep(session);
      case 4: return fail(session);
      case 5: return large(session);
      case 6: return cancel(session);
      default: return settings(session);
    }
  }
  static void expect(const std::string& got, int wanted) {
    if (got != std::to_string(wanted))
      throw std::runtime_error(fmt::format("got {}, not {}", got, wanted));
  }
  void ask_prepared(Session& session) {
    const auto more = static_cast<int>(random_() % 3);
    const auto name = fmt::format("p{}", more);
    const auto text = fmt::format("select $1::int + {}", more);
    // The second time it is refused, as there is one of that name.
    PQclear(PQprepare(session.get(), name.c_str(), text.c_str(), 0, nullptr));
    const auto value = std::to_string(number_);
    const char* values[] = {value.c_str()};
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexecPrepared(session.get(), name.c_str(), 1, values, nullptr, nullptr, 0), &PQclear);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
      throw std::runtime_error(PQerrorMessage(session.get()));
    expect(PQgetvalue(result.get(), 0, 0), number_ + more);
  }
  void roll_back(Session& session) {
    session("begin");
    session(fmt::format("insert into guests values ({}, -1)", number_));
    session("rollback");
  }
  void keep(Session& session) {
    session(fmt::format("begin; insert into guests values ({}, {}); commit", number_, kept));
    ++kept;
  }
  static void fail(Session& session) {
    const auto state = session.state_of("select 1/0");
    if (state != "22012") throw std::runtime_error("not 22012 but " + state);
  }
  void large(Session& session) {
    expect(session(fmt::format("select {} from generate_series(1, 20000)", number_)), number_);
  }
  void cancel(Session& session) {
    PQsendQuery(session.get(), "select pg_sleep(0.05), 7");
    PQflush(session.get());
    const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(session.get()),
                                                                    &PQfreeCancel);
    std::array<char, 256> why{};
    PQcancel(cancel.get(), why.data(), why.size());
    while (auto* result = PQgetResult(session.get())) PQclear(result);
    expect(session(fmt::format("select {} + 1", number_)), number_ + 1);
  }
  void settings(Session& session) {
    session(fmt::format("begin; set local search_path = s{}", number_));
    const auto path = session("show search_path");
    session("commit");
    if (path != fmt::format("s{}", number_)) throw std::runtime_error("search_path is " + path);
    if (session("show search_path") == path) throw std::runtime_error("SET LOCAL was kept");
  }

  const RunningGateway& gateway_;
  int number_;
  std::minstd_rand random_;
};

class GatewayCrowd : public testing::TestWithParam<Sharing> {};

TEST_P(GatewayCrowd, EverybodyGetsTheirOwnAnswers) {
  // Goal: nobody is told what is another's, every row that was acknowledged is there once, and
  // nothing is left open.
  PostgresServer server;
  server.query("create role visitor login password 'secret'");
  server.query("create table guests (visitor int, n int); grant all on guests to visitor");
  const auto gateway = std::make_unique<RunningGateway>(
      server, GatewayOptions{.sharing = GetParam(),
                             .size = GetParam() == Sharing::Session ? 60 : kServers,
                             .wait_most = Millis(60'000),
                             .scram = true,
                             .tls = gateway::ClientTls::Allow});
  std::atomic<bool> over = false;
  std::mutex mutex;
  std::vector<std::string> wrong;
  std::vector<std::unique_ptr<Visitor>> visitors;
  std::vector<std::jthread> threads;
  for (int number = 0; number < kClients; ++number) {
    visitors.push_back(std::make_unique<Visitor>(*gateway, number));
    threads.emplace_back([&, visitor = visitors.back().get(), number] {
      try {
        visitor->stay(over);
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        wrong.push_back(fmt::format("{}: {}", number, error.what()));
      }
    });
  }
  std::this_thread::sleep_for(crowd_time());  // it is about what happens meanwhile
  over = true;
  threads.clear();
  EXPECT_THAT(wrong, testing::IsEmpty());
  int kept = 0, visits = 0;
  for (const auto& visitor : visitors) {
    kept += visitor->kept;
    visits += visitor->visits;
  }
  EXPECT_EQ(server.query("select count(*) from guests"), std::to_string(kept));
  EXPECT_EQ(server.query("select count(*) from (select distinct * from guests) x"),
            std::to_string(kept));
  EXPECT_GE(visits, kClients);
  EXPECT_TRUE(wait_until([&] {
    return server.query(
               "select count(*) from pg_stat_activity where usename = 'visitor' and"
               " state <> 'idle'") == "0";
  }));
}

INSTANTIATE_TEST_SUITE_P(Sharing, GatewayCrowd,
                         testing::Values(Sharing::Session, Sharing::Transaction),
                         [](const auto& info) {
                           return info.param == Sharing::Session ? "session" : "transaction";
                         });

}  // namespace
}  // namespace pgkeel::test
