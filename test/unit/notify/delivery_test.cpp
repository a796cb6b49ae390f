// What an answer means, and how long to wait.
#include "notify/delivery.hpp"

#include <gtest/gtest.h>

#include "unit/notify/stories.hpp"

namespace pgkeel::notify {
namespace {

runtime::WebAnswer answer(int status, std::string body = "",
                          std::map<std::string, std::string> headers = {}) {
  return {status, std::move(headers), std::move(body)};
}

TEST(Delivery, StatusDecides) {
  // Goal: only 2xx is delivered; what can be mended is kept, what cannot is refused.
  for (const int status : {200, 202, 204})
    EXPECT_EQ(judge_http(answer(status), kStart).verdict, Verdict::Delivered) << status;
  for (const int status : {301, 302, 401, 403, 404, 405, 408, 410, 429, 500, 502, 503, 599})
    EXPECT_EQ(judge_http(answer(status), kStart).verdict, Verdict::TryLater) << status;
  for (const int status : {400, 413, 415, 422})
    EXPECT_EQ(judge_http(answer(status), kStart).verdict, Verdict::Refused) << status;
}

TEST(Delivery, OnlyWhatIsRefusedForLongIsDropped) {
  // Goal: one message that is never taken does not stand before the others for ever; a channel that
  // is merely away loses nothing.
  EXPECT_FALSE(is_given_up({Verdict::Refused, "", {}}, kRefusalsMax - 1));
  EXPECT_TRUE(is_given_up({Verdict::Refused, "", {}}, kRefusalsMax));
  EXPECT_FALSE(is_given_up({Verdict::TryLater, "", {}}, 1'000'000));
  EXPECT_FALSE(is_given_up({Verdict::Delivered, "", {}}, 1'000'000));
}

TEST(Delivery, WordsAreOneShortLineWithoutSecrets) {
  // Goal: the other side's words can be shown (X12 of the safety rules).
  const auto outcome =
      judge_http(answer(400, "bad\nthing: Bearer abcdefghijklmnopqrstuvwxyz0123456789\x01" +
                                 std::string(5000, 'x')),
                 kStart);
  EXPECT_EQ(outcome.words.find('\n'), std::string::npos);
  EXPECT_EQ(outcome.words.find("abcdefghijklmnop"), std::string::npos);
  EXPECT_LT(outcome.words.size(), 500U);
  EXPECT_TRUE(outcome.words.starts_with("HTTP 400: bad thing"));
}

TEST(Delivery, RetryAfterIsSecondsOrADate) {
  // Goal: both forms of the header, bounded by an hour; nonsense is as if it were not there.
  const auto asked = [](std::string value) {
    return retry_after(answer(429, "", {{"retry-after", std::move(value)}}), kStart);
  };
  EXPECT_EQ(asked("7"), Seconds(7));
  EXPECT_EQ(asked("Sat, 21 Nov 2026 03:00:30 GMT"), Seconds(30));
  EXPECT_EQ(asked("Sat, 21 Nov 2020 03:00:30 GMT"), Seconds(0));
  EXPECT_EQ(asked("999999999"), kRetryAfterMax);
  EXPECT_EQ(asked("-5"), Seconds(0));
  EXPECT_EQ(asked("soon"), std::nullopt);
  EXPECT_EQ(asked(""), std::nullopt);
  EXPECT_EQ(retry_after(answer(429), kStart), std::nullopt);
}

TEST(Delivery, BackOffGrowsToALimitAndKeepsWhatWasAskedFor) {
  // Goal: from half a second to five minutes, jitter within a half, never less than asked.
  EXPECT_EQ(retry_delay(1, {}, 0), Millis(500));
  EXPECT_LE(retry_delay(1, {}, 0.999), Millis(1000));
  EXPECT_EQ(retry_delay(3, {}, 0), Millis(2000));
  EXPECT_EQ(retry_delay(1000, {}, 0), kRetryMax / 2);
  EXPECT_LE(retry_delay(1000, {}, 0.999), kRetryMax);
  EXPECT_EQ(retry_delay(1, Seconds(30), 0.5), Seconds(30));
  EXPECT_EQ(retry_delay(1, Seconds(999'999), 0.5), kRetryAfterMax);
  EXPECT_GE(retry_delay(0, {}, 0), Millis(0));
}

}  // namespace
}  // namespace pgkeel::notify
