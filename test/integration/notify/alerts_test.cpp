// Alerts from the news of an incident to the other side of real sockets: once, in order, whatever
// happens to the channel or the guard meanwhile.
#include "notify/alerts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include <nlohmann/json.hpp>

#include "incident/store.hpp"
#include "integration/notify/receiver.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace pgkeel::notify {
namespace {

using incident::Incident;
using incident::IncidentState;
using test::http_status;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr auto kToken = "987654:ZZyyXXwwVVuuTTssRRqqPPooNNmmLLkkJJi";

runtime::Task<bool> until(runtime::Loop* loop, const std::function<bool()>* met) {
  const auto deadline = loop->after(test::kPatience);
  while (!(*met)() && loop->now() < deadline)
    static_cast<void>(co_await loop->sleep_for(Millis(5)));
  co_return (*met)();
}

class AlertsTest : public testing::Test {
 protected:
  AlertsTest() { std::ofstream(dir_ / "token") << kToken << "\n"; }

  [[nodiscard]] ChannelOptions webhook(std::string name, const test::Receiver& receiver) const {
    ChannelOptions options;
    options.name = std::move(name);
    options.kind = "webhook";
    options.url = receiver.url();
    return options;
  }
  [[nodiscard]] ChannelOptions telegram(const test::Receiver& receiver) const {
    ChannelOptions options;
    options.name = options.kind = "telegram";
    options.token_file = dir_ / "token";
    options.chat_id = "-100";
    options.api_url = receiver.url("");
    return options;
  }

  // A guard's worth of alerting over the state that is there.
  void start(std::vector<ChannelOptions> channels) {
    store_ = *incident::Store::open(dir_ / "s");
    journal_.emplace(*store_);
    AlertsOptions options;
    options.channels = std::move(channels);
    options.origin = {"embedded at /pg", "host1", 0};
    alerts_ = std::make_unique<Alerts>(loop_, *store_, *journal_, std::move(options));
    const auto resumed = alerts_->resume();
    ASSERT_TRUE(resumed) << resumed.error().message();
    alerts_->start();
  }
  // As kill -9 leaves it: nothing is said, nothing is finished.
  void kill() {
    alerts_.reset();
    journal_.reset();
    store_.reset();
  }

  Incident open(std::string_view cause = "server_killed") {
    Incident incident;
    incident.opened_at = wall_now();
    incident.cause = cause;
    incident.subject = "instance";
    incident.summary = "The server died.";
    incident.id = *journal_->open(incident);
    alerts_->incident_changed(incident, "");
    return incident;
  }
  void change(Incident& incident, IncidentState state) {
    incident.state = state;
    if (state == IncidentState::Closed) incident.closed_at = wall_now();
    ASSERT_TRUE(journal_->update(incident));
    alerts_->incident_changed(incident, "");
  }
  bool await(const std::function<bool()>& met) {
    return loop_.run_until_complete(until(&loop_, &met));
  }
  bool await_taken(std::size_t count, const test::Receiver& receiver) {
    return await([&] { return receiver.taken.size() >= count && idle(); });
  }
  // Nothing is left to be sent.
  [[nodiscard]] bool idle() const {
    for (const auto& status : alerts_->status())
      if (status.waiting > 0) return false;
    return true;
  }

  test::TempDir dir_;
  runtime::Loop loop_;
  test::Receiver receiver_{loop_};
  std::unique_ptr<incident::Store> store_;
  std::optional<incident::Journal> journal_;
  std::unique_ptr<Alerts> alerts_;
};

TEST_F(AlertsTest, FiringThenResolvedOnceEach) {
  // Goal: an incident's life reaches both kinds of channel once and in order (E8).
  test::Receiver chat(loop_);
  receiver_.open();
  chat.open();
  start({webhook("ops", receiver_), telegram(chat)});
  auto incident = open();
  EXPECT_TRUE(await_taken(1, receiver_));
  change(incident, IncidentState::Watching);
  change(incident, IncidentState::Closed);
  EXPECT_TRUE(await_taken(2, receiver_));
  EXPECT_TRUE(await_taken(2, chat));
  EXPECT_THAT(receiver_.statuses(), ElementsAre("firing", "resolved"));
  EXPECT_THAT(chat.texts(), ElementsAre(HasSubstr("[critical] server_killed"),
                                        HasSubstr("[resolved] server_killed")));
  EXPECT_EQ(chat.taken[0].path, std::string("/bot") + kToken + "/sendMessage");
  EXPECT_EQ(alerts_->trouble(), "");
}

TEST_F(AlertsTest, DeliveredInOrderAfterTheChannelWasDown) {
  // Goal: refused connections, then 500, then 429 with Retry-After: all of it arrives later, once,
  // in order, and what is asked for is waited for (E8).
  receiver_.open();
  const auto channel = webhook("ops", receiver_);
  receiver_.close();
  start({channel});
  auto first = open();
  ASSERT_TRUE(await([&] { return alerts_->status()[0].failures > 0; }));
  EXPECT_THAT(alerts_->trouble(), HasSubstr("ops"));
  const auto await_waiting = [&](std::int64_t count) {
    return await([&] { return alerts_->status()[0].waiting == count; });
  };
  auto second = open("table_dropped");
  ASSERT_TRUE(await_waiting(2));
  change(first, IncidentState::Waiting);
  ASSERT_TRUE(await_waiting(3));
  change(first, IncidentState::Closed);
  ASSERT_TRUE(await_waiting(4));
  change(second, IncidentState::Closed);
  ASSERT_TRUE(await_waiting(5));
  auto later = http_status(429);
  later.headers = {{"Retry-After", "1"}};
  receiver_.trouble = {http_status(500, "out of order"), std::move(later)};
  receiver_.open();
  ASSERT_TRUE(await([&] { return receiver_.trouble.empty(); }));
  const auto asked_to_wait = loop_.now();
  ASSERT_TRUE(await([&] { return !receiver_.taken.empty(); }));
  EXPECT_GE(loop_.now() - asked_to_wait, Millis(900));
  ASSERT_TRUE(await([&] { return idle(); }));
  EXPECT_THAT(receiver_.statuses(),
              ElementsAre("firing", "firing", "firing", "resolved", "resolved"));
  EXPECT_EQ(receiver_.asked.size(), receiver_.taken.size() + 2);
}

TEST_F(AlertsTest, TelegramsPatienceIsHonoured) {
  // Goal: parameters.retry_after in the body counts, without a header (E8).
  receiver_.open();
  receiver_.trouble = {http_status(429,
                                   R"({"ok":false,"error_code":429,"description":"Too Many )"
                                   R"(Requests: retry after 2","parameters":{"retry_after":2}})")};
  start({telegram(receiver_)});
  const auto begun = loop_.now();
  open();
  ASSERT_TRUE(await_taken(1, receiver_));
  EXPECT_GE(loop_.now() - begun, Seconds(2));
  EXPECT_THAT(receiver_.asked, SizeIs(2));
}

TEST_F(AlertsTest, ADeadGuardLosesAndRepeatsNothing) {
  // Goal: killed with the channel down; the next guard delivers, and resolves what has ended (A9).
  receiver_.open();
  const auto channel = webhook("ops", receiver_);
  receiver_.close();
  start({channel});
  auto incident = open();
  ASSERT_TRUE(await([&] { return alerts_->status()[0].failures > 0; }));
  kill();
  start({channel});
  // Restored in the journal, and the guard dies before anybody has heard of it.
  incident.state = IncidentState::Watching;
  ASSERT_TRUE(journal_->update(incident));
  kill();
  receiver_.open();
  start({channel});
  ASSERT_TRUE(await_taken(2, receiver_));
  EXPECT_THAT(receiver_.statuses(), ElementsAre("firing", "resolved"));
  kill();
  start({channel});
  ASSERT_TRUE(await([&] { return idle(); }));
  EXPECT_THAT(receiver_.taken, SizeIs(2));
}

TEST_F(AlertsTest, AnIncidentNobodyHeardOfIsTakenFromTheJournal) {
  // Goal: the guard dies between the journal's line and the spool's; the next one says it.
  receiver_.open();
  start({webhook("ops", receiver_)});
  Incident incident;
  incident.opened_at = wall_now();
  incident.cause = "volume_lost";
  ASSERT_TRUE(journal_->open(incident));
  kill();
  start({webhook("ops", receiver_)});
  ASSERT_TRUE(await_taken(1, receiver_));
  EXPECT_THAT(receiver_.statuses(), ElementsAre("firing"));
}

TEST_F(AlertsTest, ADeadChannelHoldsUpNoOther) {
  // Goal: one channel refuses everything, the other hears at once.
  test::Receiver dead(loop_);
  dead.open();
  const auto down = webhook("down", dead);
  dead.close();
  receiver_.open();
  start({down, webhook("ops", receiver_)});
  auto incident = open();
  ASSERT_TRUE(await([&] { return receiver_.taken.size() == 1; }));
  change(incident, IncidentState::Closed);
  ASSERT_TRUE(await([&] { return receiver_.taken.size() == 2; }));
  EXPECT_EQ(alerts_->status()[0].waiting, 2);
}

TEST_F(AlertsTest, WhatIsRefusedIsTriedAgainBeforeTheNext) {
  // Goal: a 400 holds its place: it may be the chat that is wrong, and order is kept.
  receiver_.open();
  receiver_.trouble = {http_status(400, "no")};
  start({webhook("ops", receiver_)});
  auto incident = open();
  ASSERT_TRUE(await([&] { return receiver_.asked.size() == 1; }));
  change(incident, IncidentState::Closed);
  ASSERT_TRUE(await_taken(2, receiver_));
  EXPECT_THAT(receiver_.statuses(), ElementsAre("firing", "resolved"));
}

TEST_F(AlertsTest, TheTokenIsNeverWritten) {
  // Goal: not in the log, not in the words of a failure, not in the state directory (rule 12).
  receiver_.open();
  receiver_.trouble = {http_status(401, R"({"ok":false,"description":"Unauthorized"})"),
                       http_status(500, std::string("/bot") + kToken + "/sendMessage failed")};
  testing::internal::CaptureStderr();
  start({telegram(receiver_)});
  open();
  ASSERT_TRUE(await_taken(1, receiver_));
  receiver_.close();
  auto again = open("table_dropped");
  ASSERT_TRUE(await([&] { return !alerts_->status()[0].last_failure.empty(); }));
  EXPECT_THAT(alerts_->status()[0].last_failure, Not(HasSubstr("ZZyy")));
  EXPECT_THAT(alerts_->trouble(), Not(HasSubstr("ZZyy")));
  kill();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(HasSubstr("ZZyy")));
  for (const auto& file : std::filesystem::directory_iterator(dir_ / "s")) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(bytes.find("ZZyy"), std::string::npos) << file.path();
  }
}

}  // namespace
}  // namespace pgkeel::notify
