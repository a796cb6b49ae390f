// A console's session by script: what takes its time, what is said meanwhile, and what is paused.
#include <gtest/gtest.h>

#include "gateway/admin/command.hpp"
#include "gateway/admin/console.hpp"
#include "gateway/admin/paused_databases.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway::admin {
namespace {

namespace frontend = pg::wire::frontend;
namespace backend = pg::wire::backend;

/// A host whose PAUSE is under way until the test ends it.
struct SlowHost final : ConsoleHost {
  struct Noting final : Act {
    explicit Noting(int& dropped) : dropped(dropped) {}
    ~Noting() override { ++dropped; }
    int& dropped;
  };
  Snapshots show(Topic) override { return {.version = "1"}; }
  Result<std::unique_ptr<Act>> act(const Command& command, Tell told) override {
    asked.push_back(std::string(tag_of(command.verb)));
    if (command.verb == Verb::Resume) return fail(not_paused(""));
    if (command.verb != Verb::Pause) return nullptr;
    tell = std::move(told);
    return std::make_unique<Noting>(dropped);
  }
  std::vector<std::string> asked;
  Tell tell;
  int dropped = 0;
};

class AdminConsoleSession : public testing::Test {
 protected:
  /// What is answered: a type each, the tag behind C, the SQLSTATE behind E.
  static std::string told(const ByteBuffer& out) {
    pg::wire::MessageReader reader(pg::wire::Sender::Backend, 1U << 16U);
    reader.feed(out);
    std::string all;
    while (const auto message = reader.next().value()) {
      all += message->type;
      if (message->type == backend::CommandComplete::kType)
        all += std::string(backend::CommandComplete::decode(message->body)->tag);
      if (message->type == backend::kErrorResponse)
        all += std::string(pg::wire::ErrorFields::decode(message->body)->sqlstate());
      all += ' ';
    }
    return all;
  }
  static ByteBuffer query(std::string_view sql) {
    ByteBuffer out;
    append(out, frontend::Query{sql});
    return out;
  }
  std::string say(ByteSpan bytes) {
    ByteBuffer out;
    step_ = console_.take(bytes, out);
    return told(out);
  }
  std::string end(const Result<void>& how) {
    ByteBuffer out;
    step_ = console_.acted(how, out);
    return told(out);
  }

  SlowHost host_;
  Result<void> over_;
  Console console_{host_, [this](const Result<void>& how) { over_ = how; }};
  Result<Console::Step> step_ = Console::Step::Done;
};

TEST_F(AdminConsoleSession, WhatTakesItsTimeIsAnsweredWhenItIsOver) {
  // Goal: no byte before; what was said meanwhile is done behind it, in order.
  EXPECT_EQ(say(query("pause")), "");
  EXPECT_TRUE(console_.acting());
  EXPECT_EQ(say(query("reload")), "");
  EXPECT_EQ(say(query("resume")), "");
  EXPECT_EQ(host_.asked, (std::vector<std::string>{"PAUSE"}));
  EXPECT_EQ(end({}), "CPAUSE Z N CRELOAD Z E08P01 Z ");
  EXPECT_EQ(host_.asked, (std::vector<std::string>{"PAUSE", "RELOAD", "RESUME"}));
  EXPECT_EQ(host_.dropped, 1);
  EXPECT_FALSE(console_.acting());
}

TEST_F(AdminConsoleSession, OneThatFailsLaterIsToldAndTheSessionGoesOn) {
  // Goal: an error and one ReadyForQuery; a second act may be under way behind the first.
  EXPECT_EQ(say(query("pause app")), "");
  EXPECT_EQ(say(query("pause app")), "");
  EXPECT_EQ(end(fail(pause_taken_back())), "E57014 Z ");
  EXPECT_TRUE(console_.acting());
  EXPECT_EQ(end({}), "CPAUSE Z ");
  host_.tell(fail(pause_taken_back()));
  EXPECT_FALSE(over_) << "the host's word comes by what the console was made with";
}

TEST_F(AdminConsoleSession, WhoGoesDropsWhatIsUnderWay) {
  // Goal: the host hears of it when the console is destroyed.
  {
    Console console(host_, [](const Result<void>&) {});
    ByteBuffer out;
    ASSERT_TRUE(console.take(query("pause"), out));
    EXPECT_EQ(host_.dropped, 0);
  }
  EXPECT_EQ(host_.dropped, 1);
}

TEST_F(AdminConsoleSession, IsBoundedWhileSomethingIsUnderWay) {
  // Goal: who goes on talking is ended, not kept.
  EXPECT_EQ(say(query("pause")), "");
  const auto more = query("show version");
  for (int at = 0; at < 1'000 && step_; ++at) say(more);
  EXPECT_EQ(step_.error().code, ErrorCode::Refused);
}

TEST(AdminPausedDatabases, AreSaidAndTakenBackAsByPgBouncer) {
  // Goal: all and one apart; its errors where there is nothing to do.
  PausedDatabases paused;
  EXPECT_EQ(paused.resume("").error().detail, "pooler is not paused/suspended");
  EXPECT_EQ(paused.resume("app").error().detail, "database app is not paused");
  EXPECT_TRUE(paused.pause("app"));
  EXPECT_TRUE(paused.pause("app"));
  EXPECT_TRUE(paused.has("app"));
  EXPECT_FALSE(paused.has("other"));
  EXPECT_FALSE(paused.resume(""));
  EXPECT_TRUE(paused.pause(""));
  EXPECT_TRUE(paused.has("other"));
  EXPECT_EQ(paused.pause("").error().detail, "already suspended/paused");
  EXPECT_EQ(paused.pause("other").error().sqlstate, "08P01");
  EXPECT_TRUE(paused.resume(""));
  EXPECT_TRUE(paused.has("app"));
  EXPECT_FALSE(paused.has("other"));
  EXPECT_TRUE(paused.resume("app"));
  EXPECT_FALSE(paused.has("app"));
}

}  // namespace
}  // namespace pgkeel::gateway::admin
