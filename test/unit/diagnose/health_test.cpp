// What is made of a look at a server's health: who waits for whom, what is grave and what is only
// worth knowing, and what to do.
#include "diagnose/health.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace pgkeel::diagnose {
namespace {

using incident::Severity;
using sense::HealthSession;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const WallTime kNow = *parse_iso8601("2026-11-21T12:00:00Z");

HealthSession session(pid_t pid, std::vector<pid_t> blockers = {}) {
  HealthSession one;
  one.pid = pid;
  one.user = "app";
  one.application = "web";
  one.database = "shop";
  one.state = blockers.empty() ? "idle in transaction" : "active";
  if (!blockers.empty()) one.waiting_for = Seconds(30);
  one.blockers = std::move(blockers);
  one.statement = "update orders set n = ?";
  return one;
}

auto line(std::string_view topic, Severity severity, const std::string& text,
          const std::string& advice = "") {
  return AllOf(Field(&HealthLine::topic, topic), Field(&HealthLine::severity, severity),
               Field(&HealthLine::text, HasSubstr(text)),
               Field(&HealthLine::advice, HasSubstr(advice)));
}

class Health : public testing::Test {
 protected:
  Health() {
    facts_.seen = true;
    facts_.statements.missing = "CREATE EXTENSION pg_stat_statements;";
  }
  [[nodiscard]] std::vector<HealthLine> lines() const {
    return judge_health({facts_, seen_, sizes_, kNow});
  }
  [[nodiscard]] bool grave() const {
    return std::ranges::any_of(lines(),
                               [](const auto& one) { return one.severity > Severity::Info; });
  }

  sense::HealthFacts facts_;
  sense::Observation seen_;
  std::vector<SizeSample> sizes_;
};

std::vector<std::pair<pid_t, int>> shape(const BlockingChain& chain) {
  std::vector<std::pair<pid_t, int>> links;
  for (const auto& link : chain) links.emplace_back(link.pid, link.depth);
  return links;
}

TEST(BlockingChains, BeginAtTheRoot) {
  // Goal: B14: who holds all up stands first, who waits behind whom is seen, nobody twice.
  const std::vector<HealthSession> sessions = {session(5, {3}),    session(3, {1}), session(1),
                                               session(4, {3, 1}), session(9, {8}), session(8)};
  const auto chains = blocking_chains(sessions);
  ASSERT_THAT(chains, SizeIs(2));
  using Link = std::pair<pid_t, int>;
  EXPECT_THAT(shape(chains[0]), ElementsAre(Link(1, 0), Link(3, 1), Link(5, 2), Link(4, 2)));
  EXPECT_THAT(shape(chains[1]), ElementsAre(Link(8, 0), Link(9, 1)));
}

TEST(BlockingChains, OfWhatCannotBeSeen) {
  // Goal: a circle ends, a prepared transaction (pid 0) and a session out of the list are roots
  // (X5).
  EXPECT_THAT(blocking_chains({session(1, {2}), session(2, {1})}), SizeIs(1));
  const std::vector<HealthSession> sessions = {session(4, {0}), session(5, {77})};
  const auto chains = blocking_chains(sessions);
  ASSERT_THAT(chains, SizeIs(2));
  EXPECT_EQ(chains[0].front().session, nullptr);
  EXPECT_THAT(blocking_chains({}), IsEmpty());
}

TEST_F(Health, OfAServerThatIsWellIsInformation) {
  // Goal: B14 D12: nothing of a usual server is a warning; what is not installed is said with how
  // to get it.
  facts_.databases = {{"shop", 5'000'000, 0, 0, kNow, 12, true}};
  facts_.checkpoints.emplace().timed = 900;
  facts_.checkpoints->requested = 20;
  facts_.io = {0.2, 100'000, 1.5, 90'000, true};
  facts_.sessions = {session(1)};
  facts_.sessions[0].open_for = Seconds(20);
  facts_.sessions[0].xmin_age = 900;
  EXPECT_FALSE(grave());
  EXPECT_THAT(lines(), Contains(line("sizes", Severity::Info, "shop 4.8 MB in 12 tables")));
  EXPECT_THAT(lines(),
              Contains(line("statements", Severity::Info, "not installed", "CREATE EXTENSION")));
  facts_.seen = false;
  EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(Health, AChainIsNamedWithItsRootFirst) {
  // Goal: B14: the root, what it does, who waits how long, and the exact next step.
  facts_.sessions = {session(1), session(2, {1}), session(3, {2})};
  const auto found = lines();
  EXPECT_THAT(found.front(),
              line("locks", Severity::Warning, "pid 1 (role app, web, shop) holds up 2",
                   "pg_terminate_backend(1)"));
  EXPECT_THAT(found.front().text, HasSubstr("> pid 3"));
  EXPECT_THAT(found.front().text, HasSubstr("update orders set n = ?"));
}

TEST_F(Health, BlockedVacuumIsNamedWithWhatBlocksIt) {
  // Goal: B14: dead rows and an old transaction, a forgotten prepared one, a slot: each by name.
  facts_.dead = {{"shop", "public", "orders", 0, 0, 0, 50'000, 50'000, std::nullopt}};
  EXPECT_THAT(lines(), Contains(line("vacuum", Severity::Info, "never vacuumed",
                                     "VACUUM \"public\".\"orders\"")));
  facts_.sessions = {session(7)};
  facts_.sessions[0].open_for = Seconds(900);
  facts_.sessions[0].xmin_age = 5'000;
  EXPECT_THAT(lines(), Contains(line("vacuum", Severity::Warning, "because of pid 7",
                                     "pg_terminate_backend(7)")));
  using sense::XminHolder;
  facts_.holders = {{XminHolder::Kind::PreparedTransaction, "it's", "app", "shop", 2'000'000,
                     Seconds(9'000), false}};
  EXPECT_THAT(lines(), Contains(line("vacuum", Severity::Warning, "prepared transaction it's",
                                     "ROLLBACK PREPARED 'it''s'")));
  facts_.holders = {{XminHolder::Kind::Slot, "old", "logical", "shop", 3'000'000, {}, false}};
  EXPECT_THAT(lines(), Contains(line("vacuum", Severity::Warning, "slot old, used by nobody",
                                     "pg_drop_replication_slot('old')")));
}

TEST_F(Health, LongTransactionsButNoDumps) {
  // Goal: B14: an hour is grave, a dump of an hour is not, five minutes are told.
  facts_.sessions = {session(1), session(2), session(3)};
  facts_.sessions[0].open_for = Seconds(4'000);
  facts_.sessions[1].open_for = Seconds(5'000);
  facts_.sessions[1].application = "pg_dump";
  facts_.sessions[2].open_for = Seconds(301);
  EXPECT_THAT(lines(), Contains(line("transactions", Severity::Warning, "pid 1")));
  EXPECT_THAT(lines(), Contains(line("transactions", Severity::Info, "pid 2")));
  EXPECT_THAT(lines(), Contains(line("transactions", Severity::Info, "pid 3")));
}

TEST_F(Health, InvalidIndexes) {
  // Goal: D12: each with its way out; one that is being built is none.
  const auto index = [](std::string name) {
    sense::InvalidIndex one;
    one.database = "shop";
    one.schema = "public";
    one.name = std::move(name);
    return one;
  };
  facts_.invalid = {index("A b"), index("b_ccnew"), index("c")};
  facts_.invalid[2].in_the_making = true;
  EXPECT_THAT(lines(), Contains(line("indexes", Severity::Warning, "no query uses it",
                                     "REINDEX INDEX CONCURRENTLY \"public\".\"A b\"")));
  EXPECT_THAT(lines(), Contains(line("indexes", Severity::Warning, "b_ccnew", "DROP INDEX")));
  EXPECT_THAT(lines(), Contains(line("indexes", Severity::Info, "being built")));
}

TEST_F(Health, PressureOnConnectionsWalAndDisk) {
  // Goal: B14: used against limits by role and application; checkpoints before their time; syncs
  // that take long.
  seen_.login.result = sense::ProbeResult::Ok;
  seen_.login.connections_max = 103;
  seen_.login.connections_reserved = 3;
  seen_.login.connections_used = 86;
  seen_.activity.groups = {{"app", "web", "shop", "idle", 80, Seconds(9)}};
  facts_.limits = {{sense::ConnectionLimit::Of::Role, "app", 9, 10},
                   {sense::ConnectionLimit::Of::Database, "shop", 2, 10}};
  facts_.checkpoints =
      sense::CheckpointFacts{5, 50, kNow - Seconds(86'400), 1LL << 30U, Seconds(300)};
  facts_.io = {0.1, 500, 45.0, 500, true};
  seen_.host.io_stall = 70;
  EXPECT_THAT(lines(), Contains(line("connections", Severity::Warning,
                                     "85 of 100 connections used: 80 idle of app/web in shop")));
  EXPECT_THAT(lines(), Contains(line("connections", Severity::Warning, "role app uses 9 of its own",
                                     "ALTER ROLE \"app\" CONNECTION LIMIT")));
  EXPECT_THAT(lines(), Not(Contains(line("connections", Severity::Warning, "database shop"))));
  EXPECT_THAT(lines(), Contains(line("checkpoints", Severity::Warning, "50 of 55", "'2048MB'")));
  EXPECT_THAT(lines(), Contains(line("disk", Severity::Warning, "45 ms")));
  facts_.io = {};
  EXPECT_THAT(lines(), Contains(line("disk", Severity::Info, "waited for a disk 70 %")));
}

TEST_F(Health, GrowthIsWhatTheGuardNoted) {
  // Goal: B14: by the oldest and the newest size; too short a time tells nothing.
  EXPECT_FALSE(growth_per_day({}));
  EXPECT_FALSE(growth_per_day({{kNow, 100}, {kNow - Seconds(3600), 50}}));
  sizes_ = {{kNow, 3LL << 30U}, {kNow - Seconds(43'200), 2LL << 30U}};
  EXPECT_NEAR(*growth_per_day(sizes_), 2.0 * (1LL << 30U), 1);
  facts_.databases = {{"shop", 1, 0, 0, std::nullopt, 0, false}};
  EXPECT_THAT(lines(), Contains(line("sizes", Severity::Info, "growing by 2.0 GB a day")));
}

TEST_F(Health, SlowStatementsAreToldOnce) {
  // Goal: B14: by total, then by mean what was not told yet.
  facts_.statements.missing.clear();
  facts_.statements.by_total = {{"app", "shop", 40'000, 812'000, 20.3, "select $1"},
                                {"app", "shop", 3, 9'000, 3'000, "select slow"}};
  facts_.statements.by_mean = {{"app", "shop", 3, 9'000, 3'000, "select slow"},
                               {"app", "crm", 1, 2'000, 2'000, "select other"}};
  EXPECT_THAT(lines(), Contains(line("statements", Severity::Info,
                                     "most time: 13 min 32 s in 40000 calls, 20.3 ms each")));
  EXPECT_THAT(lines(), Contains(line("statements", Severity::Info, " in 1 calls")));
  EXPECT_THAT(lines(), Not(Contains(line("statements", Severity::Info, "slowest: 9"))));
}

TEST_F(Health, ImpossibleFiguresAreToldAsSome) {
  // Goal: X5 B14: a double may be no number, endless or negative; what is told is bounded.
  const double endless = std::numeric_limits<double>::infinity();
  const double none = std::numeric_limits<double>::quiet_NaN();
  facts_.statements.missing.clear();
  facts_.statements.by_total = {{"app", "shop", 1, none, none, "select none"},
                                {"app", "shop", 2, endless, 1e300, "select endless"},
                                {"app", "shop", 3, -5, -endless, "select less"}};
  EXPECT_THAT(lines(), Contains(line("statements", Severity::Info, "0 ms in 1 calls, 0 ms each")));
  EXPECT_THAT(lines(), Not(Contains(line("statements", Severity::Info, "-9223372036854775808"))));
  sizes_ = {{kNow, std::numeric_limits<std::int64_t>::max()}, {kNow - Seconds(43'200), 0}};
  EXPECT_THAT(lines(), Contains(line("sizes", Severity::Info, "growing by")));
}

}  // namespace
}  // namespace pgkeel::diagnose
