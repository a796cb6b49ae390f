// From a conninfo to targets and to libpq's keywords.
#include "client/connect_target.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace pgkeel::client {
namespace {

std::string keyword(const Keywords& keywords, std::string_view name) {
  const auto found = std::ranges::find(keywords, name, &Keywords::value_type::first);
  return found == keywords.end() ? "(none)" : found->second;
}

pg::Conninfo parse(std::string_view text) {
  auto parsed = pg::parse_conninfo(text);
  EXPECT_TRUE(parsed.has_value());
  return parsed.value_or(pg::Conninfo{});
}

TEST(ConnectTargetTest, SeveralHostsBecomeSeveralTargets) {
  // Goal: each host has its port, and its label names both.
  const auto targets = connect_targets(parse("host=a,b port=1,2 dbname=x"));
  ASSERT_EQ(targets.size(), 2U);
  EXPECT_EQ(targets[0].label(), "a:1");
  EXPECT_EQ(targets[1].label(), "b:2");
}

TEST(ConnectTargetTest, NoHostIsLeftToLibpq) {
  // Goal: without a host there is one target with nothing in it.
  const auto targets = connect_targets(parse("dbname=x"));
  ASSERT_EQ(targets.size(), 1U);
  EXPECT_EQ(targets[0].host, "");
}

TEST(StartupKeywordsTest, TheConninfoWinsOverTheOptions) {
  // Goal: B4 - keepalives and a name are set by default, and only where the user said nothing.
  const auto info = parse("host=a dbname=x application_name=shop keepalives_idle=99");
  const auto keywords = startup_keywords(info, connect_targets(info).front(), {});
  EXPECT_EQ(keyword(keywords, "application_name"), "shop");
  EXPECT_EQ(keyword(keywords, "keepalives_idle"), "99");
  EXPECT_EQ(keyword(keywords, "keepalives_interval"), "5");
  EXPECT_EQ(keyword(keywords, "tcp_user_timeout"), "30000");
  EXPECT_EQ(keyword(keywords, "client_encoding"), "UTF8");
}

TEST(StartupKeywordsTest, StartupOptionsAreAddedAndEscaped) {
  // Goal: a value with spaces and backslashes reaches the server whole, beside the user's options.
  EXPECT_EQ(startup_options({{"a", "b c\\d"}, {"e", "f"}}), "-c a=b\\ c\\\\d -c e=f");
  const auto info = parse("host=a options='-c x=1'");
  ConnectOptions options;
  options.settings = {{"y", "2"}};
  const auto keywords = startup_keywords(info, connect_targets(info).front(), options);
  EXPECT_EQ(keyword(keywords, "options"), "-c x=1 -c y=2");
}

}  // namespace
}  // namespace pgkeel::client
