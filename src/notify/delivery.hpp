// What becomes of an attempt to deliver, and when to try again. Pure: the answer of the other side,
// time and randomness come in as arguments.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "runtime/web_client.hpp"

namespace pgkeel::notify {

enum class Verdict {
  Delivered,
  TryLater,  ///< nobody there, overloaded, not allowed (a token can be mended): kept
  Refused,   ///< the other side does not want this very message: dropped when it stays so
};

struct Outcome {
  Verdict verdict = Verdict::TryLater;
  std::string words;  ///< the other side's own, or what failed; one line, no secret
  std::optional<Millis> retry_after;
};

/// The other side asks for patience in the Retry-After header: seconds, or a date.
[[nodiscard]] std::optional<Millis> retry_after(const runtime::WebAnswer& answer, WallTime now);
/// By status alone: 2xx is delivered; 400, 413, 414, 415, 422 and 431 are about the message; all
/// others, redirects (never followed) included, are about the channel, and somebody will mend it.
[[nodiscard]] Outcome judge_http(const runtime::WebAnswer& answer, WallTime now);
/// A request that got no answer.
[[nodiscard]] Outcome unanswered(const Error& error);
/// The start of a body as one line, secrets masked.
[[nodiscard]] std::string words_of(std::string_view body);

inline constexpr Millis kRetryFirst{1'000};
inline constexpr Millis kRetryMax{5 * 60'000};  ///< a channel that is back is noticed so soon
/// No server may silence us for longer, whatever it says.
inline constexpr Millis kRetryAfterMax{3'600'000};
/// About a quarter of an hour: a wrong chat_id is refused like a message that cannot be taken.
inline constexpr int kRefusalsMax = 10;

/// Whether a message is dropped after `attempts` in a row, so that those behind it get through.
[[nodiscard]] bool is_given_up(const Outcome& outcome, int attempts);

/// How long to wait after `attempt` failures in a row (from 1), with `unit` a random number in
/// [0, 1): between half and the whole of 1 s, 2 s, 4 s ... 5 min, and never less than asked for.
[[nodiscard]] Millis retry_delay(int attempt, std::optional<Millis> asked, double unit);

}  // namespace pgkeel::notify
