// Escalation over real sockets: log, then chat, then PagerDuty, then a mail server, and what a
// person's acknowledgement stops. The ages are milliseconds here; the rules do not know.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include <nlohmann/json.hpp>

#include "incident/store.hpp"
#include "integration/notify/mail_server.hpp"
#include "integration/notify/receiver.hpp"
#include "notify/alerts.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace pgkeel::notify {
namespace {

using incident::Incident;
using incident::IncidentState;
using test::http_status;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr auto kRoutingKey = "R0UT1NGKEY0123456789abcdef";
constexpr Millis kNeverReached{3'600'000};

runtime::Task<bool> until(runtime::Loop* loop, const std::function<bool()>* met) {
  const auto deadline = loop->after(test::kPatience);
  while (!(*met)() && loop->now() < deadline)
    static_cast<void>(co_await loop->sleep_for(Millis(5)));
  co_return (*met)();
}

class EscalationTest : public testing::Test {
 protected:
  EscalationTest() {
    std::ofstream(dir_ / "key") << kRoutingKey << "\n";
    pager_.open();
    chat_.open();
  }

  void start(std::map<Millis, std::vector<std::string>> steps) {
    store_ = *incident::Store::open(dir_ / "s");
    journal_.emplace(*store_);
    AlertsOptions options;
    options.channels = {chat(), pager(), mail("email:oncall@example.org")};
    options.escalate = std::move(steps);
    options.origin = {"embedded at /pg", "host1", 0, "/state/evidence"};
    alerts_ = std::make_unique<Alerts>(loop_, *store_, *journal_, std::move(options));
    const auto resumed = alerts_->resume();
    ASSERT_TRUE(resumed) << resumed.error().message();
    alerts_->start();
  }
  // As kill -9 leaves it.
  void kill() {
    alerts_.reset();
    journal_.reset();
    store_.reset();
  }

  [[nodiscard]] ChannelOptions chat() const {
    ChannelOptions options;
    options.name = "ops";
    options.kind = "webhook";
    options.url = chat_.url();
    return options;
  }
  [[nodiscard]] ChannelOptions pager() const {
    ChannelOptions options;
    options.name = options.kind = "pagerduty";
    options.token_file = dir_ / "key";
    options.api_url = pager_.url("");
    return options;
  }
  [[nodiscard]] ChannelOptions mail(std::string name) const {
    ChannelOptions options;
    options.name = std::move(name);
    options.kind = "email";
    options.server = mail_.url();
    options.from = "pgkeel@example.org";
    options.to = "oncall@example.org";
    return options;
  }

  Incident open() {
    Incident incident;
    incident.opened_at = wall_now();
    incident.cause = "table_dropped";
    incident.subject = "shop.public.orders";
    incident.summary = "Table shop.public.orders existed and is gone.";
    incident.state = IncidentState::Waiting;
    incident.id = *journal_->open(incident);
    alerts_->incident_changed(incident, "Waiting for a human.");
    return incident;
  }
  void acknowledge(const Incident& incident) {
    ASSERT_TRUE(journal_->acknowledge(incident.id, "ann", wall_now()));
    alerts_->incident_changed(*journal_->load(incident.id), "");
  }
  void close(Incident incident) {
    incident = *journal_->load(incident.id);
    incident.state = IncidentState::Closed;
    incident.closed_at = wall_now();
    ASSERT_TRUE(journal_->update(incident));
    alerts_->incident_changed(incident, "Closed: mended.");
  }
  bool await(const std::function<bool()>& met) {
    return loop_.run_until_complete(until(&loop_, &met));
  }
  [[nodiscard]] std::vector<std::string> paged() const {
    std::vector<std::string> actions;
    for (const auto& request : pager_.taken)
      actions.push_back(
          nlohmann::json::parse(request.body, nullptr, false).value("event_action", "none"));
    return actions;
  }

  test::TempDir dir_;
  runtime::Loop loop_;
  test::Receiver chat_{loop_};
  test::Receiver pager_{loop_};
  test::MailServer mail_;
  std::unique_ptr<incident::Store> store_;
  std::optional<incident::Journal> journal_;
  std::unique_ptr<Alerts> alerts_;
};

TEST_F(EscalationTest, ClimbsOneRungAfterTheOther) {
  // Goal: each rung once and in its turn, carrying the next command and where the evidence lies;
  // the end is told to all of them (D16).
  start({{Millis(0), {"log", "ops"}},
         {Millis(50), {"pagerduty"}},
         {Millis(100), {"email:oncall@example.org"}}});
  const auto incident = open();
  ASSERT_TRUE(await([&] { return !mail_.taken().empty(); }));
  EXPECT_THAT(chat_.taken, SizeIs(1));
  ASSERT_THAT(paged(), ElementsAre("trigger"));
  EXPECT_EQ(pager_.taken[0].path, "/v2/enqueue");
  const auto event = nlohmann::json::parse(pager_.taken[0].body);
  EXPECT_EQ(event["routing_key"], kRoutingKey);
  EXPECT_EQ(event["payload"]["severity"], "critical");
  EXPECT_EQ(event["payload"]["custom_details"]["next"], "pgkeel undrop shop.public.orders");
  const auto taken = mail_.taken()[0];
  EXPECT_EQ(taken.from, "pgkeel@example.org");
  EXPECT_THAT(taken.to, ElementsAre("oncall@example.org"));
  EXPECT_THAT(taken.text, HasSubstr("Subject: [critical] table_dropped: shop.public.orders\r\n"));
  EXPECT_THAT(taken.text, HasSubstr("Next: pgkeel undrop shop.public.orders\r\n"));
  EXPECT_THAT(taken.text, HasSubstr("/state/evidence/" + incident.id + ".json"));
  close(incident);
  ASSERT_TRUE(await([&] { return mail_.taken().size() == 2 && paged().size() == 2; }));
  EXPECT_EQ(paged().back(), "resolve");
}

TEST_F(EscalationTest, AnAcknowledgementEndsTheClimb) {
  // Goal: the higher rungs stay silent, also for a guard that comes later; who was told hears by
  // whom, PagerDuty in its own word (D16).
  start({{Millis(0), {"pagerduty"}}, {Millis(300), {"ops"}}});
  const auto incident = open();
  ASSERT_TRUE(await([&] { return paged().size() == 1; }));
  acknowledge(incident);
  ASSERT_TRUE(await([&] { return paged().size() == 2; }));
  EXPECT_THAT(paged(), ElementsAre("trigger", "acknowledge"));
  kill();
  start({{Millis(0), {"pagerduty"}}, {Millis(300), {"ops"}}});
  const auto reached = incident.opened_at + Millis(400);
  ASSERT_TRUE(await([&] { return wall_now() > reached; }));
  close(incident);
  ASSERT_TRUE(await([&] { return paged().size() == 3; }));
  EXPECT_EQ(paged().back(), "resolve");
  EXPECT_THAT(chat_.asked, IsEmpty());
}

TEST_F(EscalationTest, NoRungTwiceAcrossGuards) {
  // Goal: a guard killed between two rungs goes on with the next one (D16 A9).
  start({{Millis(0), {"ops"}}, {kNeverReached, {"pagerduty"}}});
  static_cast<void>(open());
  ASSERT_TRUE(await([&] {
    return chat_.taken.size() == 1 && alerts_->status()[0].delivered == 1 &&
           alerts_->status()[0].waiting == 0;
  }));
  kill();
  start({{Millis(0), {"ops"}}, {Millis(1), {"pagerduty"}}});
  ASSERT_TRUE(await([&] { return paged().size() == 1; }));
  EXPECT_THAT(chat_.taken, SizeIs(1));
}

TEST_F(EscalationTest, AMailServersRefusalIsKeptAndTriedAgain) {
  // Goal: "not now" is tried again, with the server's own words in the status meanwhile (E8).
  mail_.refuse("451 come back later");
  start({{Millis(0), {"email:oncall@example.org"}}});
  static_cast<void>(open());
  ASSERT_TRUE(await([&] { return alerts_->status()[2].failures >= 1; }));
  EXPECT_THAT(alerts_->status()[2].last_failure, HasSubstr("451"));
  ASSERT_TRUE(await([&] { return mail_.taken().size() == 1; }));
}

TEST_F(EscalationTest, APasswordNeverTravelsInTheClear) {
  // Goal: with a login and a server without TLS nothing is sent, and the password is in no error
  // (rule 12).
  auto options = mail("email");
  options.user = "pgkeel";
  options.token_file = dir_ / "key";
  runtime::WebClient client(loop_);
  const auto channel = make_email(options);
  const auto outcome = loop_.run_until_complete(send_notice(
      &client, channel.get(), test_notice("email", Reason::Test, wall_now()), Origin()));
  EXPECT_EQ(outcome.verdict, Verdict::TryLater);
  EXPECT_THAT(outcome.words, Not(HasSubstr(kRoutingKey)));
  EXPECT_THAT(mail_.taken(), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::notify
