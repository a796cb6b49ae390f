// The spool of alerts: order, bounds, survival.
#include "incident/alert_store.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "incident/store.hpp"
#include "scratch_dir.hpp"

namespace pgkeel::incident {
namespace {

SpooledAlert message(std::string channel, std::string content,
                     AlertWorth worth = AlertWorth::Call) {
  return {0, std::move(channel), worth, WallTime(Seconds(5)), std::move(content)};
}

class AlertStoreTest : public testing::Test {
 protected:
  AlertStoreTest() { reopen(); }
  void reopen() {
    store_.reset();
    store_ = *Store::open(dir_ / "s");
    alerts_.emplace(*store_);
  }
  std::string next(std::string_view channel) {
    const auto found = alerts_->next(channel);
    EXPECT_TRUE(found);
    return found && *found ? (*found)->content : "";
  }

  const ScratchDir dir_;
  std::unique_ptr<Store> store_;
  std::optional<AlertStore> alerts_;
};

TEST_F(AlertStoreTest, KeepsEachChannelsOrderAcrossGuards) {
  // Goal: what was spooled is there for the next guard, oldest first, each channel by itself (E8).
  ASSERT_TRUE(alerts_->write(
      {{message("a", "1"), message("b", "2"), message("a", "3")}, {{"i", "state"}}, {}}));
  reopen();
  EXPECT_EQ(next("a"), "1");
  EXPECT_EQ(next("b"), "2");
  ASSERT_TRUE(alerts_->remove(**alerts_->next("a")));
  EXPECT_EQ(next("a"), "3");
  EXPECT_EQ(alerts_->said()->at("i"), "state");
  ASSERT_TRUE(alerts_->write({{}, {}, {"i"}}));
  EXPECT_TRUE(alerts_->said()->empty());
  EXPECT_EQ(alerts_->depth("a")->messages, 1);
  EXPECT_EQ(next("none"), "");
}

TEST_F(AlertStoreTest, DropsTheLeastAndOldestAndCountsThem) {
  // Goal: bounded in number; a call outlives reminders, information and what is over.
  ASSERT_TRUE(
      alerts_->write({{message("a", "call"), message("a", "over", AlertWorth::Over)}, {}, {}}));
  AlertWrite flood;
  for (int i = 0; i < kSpooledMax; ++i)
    flood.messages.push_back(message("a", std::to_string(i), AlertWorth::Reminder));
  EXPECT_EQ(*alerts_->write(flood), 2);
  const auto depth = *alerts_->depth("a");
  EXPECT_EQ(depth.messages, kSpooledMax);
  EXPECT_EQ(depth.dropped, 2);
  EXPECT_EQ(next("a"), "call");
  ASSERT_TRUE(alerts_->remove(**alerts_->next("a")));
  EXPECT_EQ(next("a"), "1");
  EXPECT_EQ(alerts_->depth("a")->dropped, 0);
}

TEST_F(AlertStoreTest, IsBoundedInBytes) {
  // Goal: few but huge messages do not fill the disk either.
  const std::string large(static_cast<std::size_t>(kSpooledBytesMax) / 4 + 1, 'x');
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(alerts_->write({{message("a", large)}, {}, {}}));
  EXPECT_EQ(alerts_->depth("a")->messages, 3);
}

TEST_F(AlertStoreTest, ForgetsChannelsThatAreNoMore) {
  // Goal: a channel that was taken out of the configuration leaves nothing behind.
  ASSERT_TRUE(alerts_->write({{message("a", "1"), message("b", "2")}, {}, {}}));
  EXPECT_EQ(*alerts_->keep_only({"b"}), 1);
  EXPECT_EQ(next("a"), "");
  EXPECT_EQ(next("b"), "2");
}

}  // namespace
}  // namespace pgkeel::incident
