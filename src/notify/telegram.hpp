// Telegram's answers, read without trust: https://core.telegram.org/bots/api#making-requests
#pragma once

#include <string>
#include <string_view>

#include "notify/delivery.hpp"

namespace pgkeel::notify {

/// sendMessage takes so many UTF-16 code units.
inline constexpr std::size_t kTelegramTextMax = 4096;

/// Cut to `units` UTF-16 code units, at a character's edge and with "..." where something is gone.
[[nodiscard]] std::string cut_utf16(std::string_view utf8, std::size_t units);

/// Delivered only when the body says so; 429 and its parameters.retry_after are honoured.
[[nodiscard]] Outcome judge_telegram(const runtime::WebAnswer& answer, WallTime now);

}  // namespace pgkeel::notify
