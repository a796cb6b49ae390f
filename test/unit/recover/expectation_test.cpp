// What an [[invariant]] may expect, and when an answer meets it (C2 D13).
#include "recover/expectation.hpp"

#include <gmock/gmock.h>

namespace pgkeel::recover {
namespace {

using testing::HasSubstr;

// What the answer `value` is told by the expectation; "" when it is met.
std::string told(std::string_view expectation, std::optional<std::string> value) {
  const auto parsed = parse_expectation(expectation);
  if (!parsed) return "not parsed";
  return objection(*parsed, {true, std::move(value)}).value_or("");
}

std::string told_without_row(std::string_view expectation) {
  return objection(*parse_expectation(expectation), {}).value_or("");
}

TEST(Expectation, ComparesNumbersAsNumbers) {
  // Goal: 10 is more than 9, 1.0 equals 1, and whole numbers are exact beyond what a double holds.
  EXPECT_EQ(told("> 9", "10"), "");
  EXPECT_EQ(told(">9", "9"), "is 9");
  EXPECT_EQ(told(">= 9", "9"), "");
  EXPECT_EQ(told("< 0.5", "0.25"), "");
  EXPECT_EQ(told("<= 1", "2"), "is 2");
  EXPECT_EQ(told("= 1", "1.0"), "");
  EXPECT_EQ(told("== 5", "5"), "");
  EXPECT_EQ(told("= 9007199254740993", "9007199254740992"), "is 9007199254740992");
  EXPECT_EQ(told("> 0", "many"), "is many");
}

TEST(Expectation, ComparesTextForEqualityOnly) {
  // Goal: = and <> take any text; an order of texts is refused when it is configured.
  EXPECT_EQ(told("= ready", "ready"), "");
  EXPECT_EQ(told("<> ready", "ready"), "is ready");
  EXPECT_EQ(told("!= ready", "broken"), "");
  const auto refused = parse_expectation("> ready");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit_number(), 2);
  EXPECT_THAT(std::string(refused.error().hint()), HasSubstr("not empty"));
}

TEST(Expectation, KnowsTruthAndRows) {
  // Goal: booleans as the server writes them, and rows without looking at their values.
  EXPECT_EQ(told("true", "t"), "");
  EXPECT_EQ(told("true", "f"), "is false");
  EXPECT_EQ(told("false", "f"), "");
  EXPECT_EQ(told("= true", "t"), "");
  EXPECT_EQ(told("not empty", std::nullopt), "");
  EXPECT_EQ(told("empty", "1"), "has rows");
  EXPECT_EQ(told_without_row("empty"), "");
  EXPECT_EQ(told_without_row("not empty"), "has no row");
}

TEST(Expectation, WhatCannotBeJudgedDoesNotHold) {
  // Goal: a NULL or a missing row never passes for an answer.
  for (const auto* expectation : {"> 0", "= 5", "<> 5", "true"}) {
    EXPECT_EQ(told(expectation, std::nullopt), "is NULL");
    EXPECT_EQ(told_without_row(expectation), "has no row");
  }
}

TEST(Expectation, RefusesNonsense) {
  // Goal: no text is taken for an expectation by guessing.
  for (const auto* text : {"", " ", "5", ">", "> ", "=", "notempty", "=>", "TRUE!"})
    EXPECT_FALSE(parse_expectation(text)) << text;
}

}  // namespace
}  // namespace pgkeel::recover
