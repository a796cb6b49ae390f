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
  Refused,   ///< the other side does not want this very message: tried a few times, then dropped
};

struct Outcome {
  Verdict verdict = Verdict::TryLater;
  std::string words;  ///< the other side's own, or what failed; one line, no secret
  std::optional<Millis> retry_after;
};

/// The other side asks for patience in the Retry-After header: seconds, or a date.
[[nodiscard]] std::optional<Millis> retry_after(const runtime::WebAnswer& answer, WallTime now);
/// By status alone: 2xx is delivered; 408, 425, 429, 401, 403, 404 and 5xx may pass; other 4xx and
/// redirects (never followed) will not.
[[nodiscard]] Outcome judge_http(const runtime::WebAnswer& answer, WallTime now);
/// A request that got no answer.
[[nodiscard]] Outcome unanswered(const Error& error);
/// The start of a body as one line, secrets masked.
[[nodiscard]] std::string words_of(std::string_view body);

inline constexpr Millis kRetryFirst{1'000};
inline constexpr Millis kRetryMax{5 * 60'000};  ///< a channel that is back is noticed so soon
/// No server may silence us for longer, whatever it says.
inline constexpr Millis kRetryAfterMax{3'600'000};
inline constexpr int kRefusalsMax = 3;

/// How long to wait after `attempt` failures in a row (from 1), with `unit` a random number in
/// [0, 1): between half and the whole of 1 s, 2 s, 4 s ... 5 min, and never less than asked for.
[[nodiscard]] Millis retry_delay(int attempt, std::optional<Millis> asked, double unit);

}  // namespace pgkeel::notify
