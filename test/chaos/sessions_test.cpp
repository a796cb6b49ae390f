// Sessions of clients that do nothing and that others pay for: ended by the policy, one by one and
// no more than it takes; everybody who is spared lives, nothing that was acknowledged is lost, and
// a guard that only advises ends nobody. Then the walk: the guard is killed at every line of both
// playbooks, and the next one comes to the same end.
#include <fmt/format.h>

#include <algorithm>

#include "chaos/clients.hpp"
#include "chaos/crash.hpp"
#include "recover/executor.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

using incident::ActionOutcome;
using incident::Incident;
using testing::HasSubstr;

constexpr std::string_view kStorm = "connection_storm";
constexpr std::string_view kHeldUp = "idle_in_transaction";

bool advised(const Incident& incident) {
  return std::ranges::any_of(incident.actions, [](const auto& action) {
    return action.outcome == ActionOutcome::Advised;
  });
}

std::string done_note(const Incident& incident) {
  for (const auto& action : incident.actions)
    if (action.outcome == ActionOutcome::Done) return action.note;
  return {};
}

std::size_t living(const Clients& clients) {
  return static_cast<std::size_t>(
      std::ranges::count_if(clients, [](const auto& client) { return client->lives(); }));
}

class Sessions : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = build_small_server(
        {{"PGKEEL_RECOVER_IDLE_SESSIONS", "1s"}, {"PGKEEL_RECOVER_IDLE_IN_TRANSACTION", "1s"}});
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
    ASSERT_TRUE(service_restored(scene_));
  }
  void TearDown() override {
    clients_.clear();
    if (HasFailure() && scene_.stage) stage().keep();
  }

  app::Stage& stage() { return *scene_.stage; }
  Client& open(const std::string& role, const std::string& application) {
    clients_.push_back(std::make_unique<Client>(stage(), role, application));
    EXPECT_EQ(clients_.back()->refused(), "");
    return *clients_.back();
  }
  void begin_guard(const app::GuardEnvironment& more = {}) {
    stage().end_guard();
    stage().note_broken();
    ASSERT_TRUE(stage().start_guard(more).has_value());
  }
  // Somebody leaves a table locked, somebody else waits for it.
  void hold_up(const std::string& role) {
    auto& holder = open(role, "leaky app");
    auto& waiter = open("postgres", "victim");
    ASSERT_TRUE(holder.run("begin; lock table orders in access exclusive mode"));
    waiter.send("select count(*) from orders");
  }
  [[nodiscard]] bool answered(const Client& client) {
    return test::wait_until(
        [&] {
          static_cast<void>(ask(stage(), "select 1"));  // a turn of the loop
          return client.answered().has_value();
        },
        kPatience);
  }
  void die_at(std::string_view playbook, std::string_view step, std::string_view place) {
    mark_ = stage().directory() / "mark";
    fs::remove(mark_);
    begin_guard(crash_at(mark_, recover::fault_point_name(playbook, step, place)));
  }
  void expect_next_finishes(std::string_view cause, const std::function<bool()>& over) {
    ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark_));
    ASSERT_TRUE(stage().start_guard().has_value());
    ASSERT_TRUE(test::wait_until(over, kPatience));
    ASSERT_TRUE(await_healed(stage(), cause));
    ASSERT_TRUE(service_restored(scene_));
    clients_.clear();
    ASSERT_TRUE(test::wait_until([&] { return settled(stage()); }, kPatience));
  }
  // A guard killed at every line of the playbook, each time with a fault of its own.
  void walk(std::string_view playbook, std::string_view cause, const std::function<void()>& fault,
            const std::function<bool()>& over) {
    for (const auto& step : recover::playbook_by_name(playbook).steps)
      for (const auto place : kPlaces) {
        SCOPED_TRACE(fmt::format("{}/{}", step.name, place));
        ASSERT_NO_FATAL_FAILURE(die_at(playbook, step.name, place));
        ASSERT_NO_FATAL_FAILURE(fault());
        ASSERT_NO_FATAL_FAILURE(expect_next_finishes(cause, over));
      }
  }

  Scene scene_;
  Clients clients_;
  fs::path mark_;
};

TEST_F(Sessions, IdleOnesAreEndedWhileClientsAreRefusedAndOthersSpared) {
  // Goal: K26: only while clients are refused, of whoever holds most, the idle ones, until a fifth
  // of the connections is free; not one that works, listens, holds an advisory lock, or is a
  // superuser's; advise mode ends nobody; never a restart (A6 C2 D3 X8).
  const auto server = postmaster_pid(stage());
  ASSERT_NO_FATAL_FAILURE(begin_guard({{"PGKEEL_MODE", "advise"}}));
  auto& works = open("crowd", "leaky pool");
  auto& listens = open("crowd", "leaky pool");
  auto& locks = open("crowd", "leaky pool");
  auto& superuser = open("postgres", "leaky pool");
  works.send("select pg_sleep(600)");
  ASSERT_TRUE(listens.run("listen news"));
  ASSERT_TRUE(locks.run("select pg_advisory_lock(1)"));
  Clients spared = std::move(clients_);
  clients_.clear();
  ASSERT_NO_FATAL_FAILURE(use_up_connections(stage(), clients_, "crowd", "leaky pool"));
  ASSERT_TRUE(await_incident(stage(), kStorm, advised));
  EXPECT_EQ(living(clients_), clients_.size());
  const auto all = clients_.size();
  stage().end_guard();
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(await_healed(stage(), kStorm));
  EXPECT_TRUE(works.lives() && listens.lives() && locks.lives() && superuser.lives());
  EXPECT_LT(living(clients_), all);
  EXPECT_GT(living(clients_), 0U) << "no more than it takes";
  EXPECT_THAT(done_note(*incident_of(stage(), kStorm)),
              HasSubstr("of role crowd, application leaky pool, from local, idle for"));
  EXPECT_EQ(postmaster_pid(stage()), server);
  EXPECT_TRUE(service_restored(scene_));
  clients_.clear();
  spared.clear();
}

TEST_F(Sessions, WhereNobodyMayBeEndedAHumanIsTold) {
  // Goal: K26: everybody is spared: nobody is ended, who holds the connections is named (A6 D3).
  stage().note_broken();
  ASSERT_NO_FATAL_FAILURE(use_up_connections(stage(), clients_, "crowd", "busy pool",
                                             "select pg_advisory_lock_shared(1)"));
  ASSERT_TRUE(await_incident(stage(), kStorm, [](const Incident& incident) {
    return std::ranges::any_of(incident.events, [](const auto& event) {
      return event.text.contains("waiting for a human: no session may be ended") &&
             event.text.contains("role crowd, application busy pool");
    });
  }));
  EXPECT_EQ(living(clients_), clients_.size());
  clients_.clear();
  ASSERT_TRUE(await_healed(stage(), kStorm));
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(Sessions, AnIdleTransactionThatHoldsOthersUpIsEnded) {
  // Goal: K28 K31: the root of the chain is ended and named with what it held up, and who waited
  // goes on; advise mode ends nobody, and a superuser's is left to a human (A6 C2 D3 X8).
  ASSERT_NO_FATAL_FAILURE(begin_guard({{"PGKEEL_MODE", "advise"}}));
  ASSERT_NO_FATAL_FAILURE(hold_up("crowd"));
  ASSERT_TRUE(await_incident(stage(), kHeldUp, advised));
  EXPECT_TRUE(clients_[0]->lives());
  stage().end_guard();
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(await_incident(stage(), kHeldUp, [](const Incident& incident) {
    return healed(incident) && !done_note(incident).empty();
  }));
  EXPECT_FALSE(clients_[0]->lives());
  ASSERT_TRUE(answered(*clients_[1]));
  EXPECT_TRUE(*clients_[1]->answered());
  const auto note = done_note(*incident_of(stage(), kHeldUp));
  EXPECT_THAT(note, HasSubstr(fmt::format("ended pid {} (role crowd, application leaky app",
                                          clients_[0]->pid())));
  EXPECT_THAT(note, HasSubstr(fmt::format("waited for it: pid {}", clients_[1]->pid())));
  clients_.clear();

  stage().note_broken();
  ASSERT_NO_FATAL_FAILURE(hold_up("postgres"));
  ASSERT_TRUE(await_incident(stage(), kHeldUp, [](const Incident& incident) {
    return std::ranges::any_of(incident.events, [](const auto& event) {
      return event.text.contains("it is a superuser's");
    });
  }));
  EXPECT_TRUE(clients_[0]->lives());
  clients_.clear();
  ASSERT_TRUE(await_healed(stage(), kHeldUp));
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(Sessions, AGuardKilledWhileItEndsThemIsFollowedByOneThatFinishes) {
  // Goal: D6 E6: at every line of both playbooks.
  walk(
      "end_idle_sessions", kStorm,
      [this] {
        ASSERT_NO_FATAL_FAILURE(use_up_connections(stage(), clients_, "crowd", "leaky pool"));
      },
      [this] { return Client(stage(), "crowd", "newcomer").refused().empty(); });
  walk(
      "end_idle_transaction", kHeldUp, [this] { ASSERT_NO_FATAL_FAILURE(hold_up("crowd")); },
      [this] { return !clients_[0]->lives(); });
}

}  // namespace
}  // namespace pgkeel::chaos
