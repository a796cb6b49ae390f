// The form of a log line: readable, parseable, and bounded whatever is passed in.
#include "base/log.hpp"

#include <gtest/gtest.h>
#include <string>

namespace pgkeel {
namespace {

constexpr std::string_view kAt = "2026-11-21T03:04:05.123Z";

std::string text_line(LogFields fields, std::string_view event = "server started") {
  return format_log_line(LogFormat::Text, LogLevel::Info, kAt, event, fields);
}
std::string json_line(LogFields fields, std::string_view event = "server started") {
  return format_log_line(LogFormat::Json, LogLevel::Warning, kAt, event, fields);
}

TEST(LogLine, text_is_for_people) {
  // Goal: time, level, event, then name=value, quoted only where needed.
  EXPECT_EQ(text_line({{"pid", 42}, {"ready", true}, {"dir", "/data"}, {"why", "it was down"}}),
            "2026-11-21T03:04:05.123Z info    server started  pid=42  ready=true  dir=/data  "
            "why=\"it was down\"");
}

TEST(LogLine, json_is_one_object) {
  // Goal: numbers and booleans bare, text quoted and escaped.
  EXPECT_EQ(json_line({{"pid", 42}, {"ready", false}, {"why", "a \"b\"\n\\"}}),
            R"({"at":"2026-11-21T03:04:05.123Z","level":"warning","event":"server started",)"
            R"("pid":42,"ready":false,"why":"a \"b\"\n\\"})");
}

TEST(LogLine, a_value_cannot_start_a_new_line) {
  // Goal: what a server or a file said cannot forge a second log line.
  for (const auto& line :
       {text_line({{"said", "x\n2026 info forged"}}), json_line({{"said", "x\r\n\x01 forged"}})}) {
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_EQ(line.find('\r'), std::string::npos);
  }
  EXPECT_NE(json_line({{"c", "\x01"}}).find("\\u0001"), std::string::npos);
}

TEST(LogLine, is_bounded) {
  // Goal: a flood in one field cannot fill a disk; JSON stays JSON, text says it was cut.
  const std::string flood(1U << 20U, 'x');
  const auto text = text_line({{"said", flood}});
  EXPECT_LT(text.size(), 9000U);
  EXPECT_TRUE(text.ends_with(" ..."));
  const auto json = json_line({{"said", flood}});
  EXPECT_LT(json.size(), 9000U);
  EXPECT_TRUE(json.ends_with(R"("truncated":true})"));
  EXPECT_LT(json_line({}, flood).size(), 9000U);
}

TEST(LogLine, an_empty_value_is_seen) {
  // Goal: nothing looks like a missing field.
  EXPECT_TRUE(text_line({{"name", ""}}).ends_with("name=\"\""));
}

}  // namespace
}  // namespace pgkeel
