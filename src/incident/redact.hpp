// Masks what looks like a secret in text from outside (server messages, command lines, error
// texts) before it is stored or shown. It knows shapes, not meanings, and prefers to mask too much:
// password=..., user:password@ in URIs, PASSWORD '...', SCRAM and MD5 verifiers, bearer tokens,
// Telegram bot tokens, private keys. Idempotent. Linear in the length of the text.
#pragma once

#include <string>
#include <string_view>

namespace pgkeel::incident {

/// The text with every recognised secret replaced by kMask.
[[nodiscard]] std::string redact(std::string_view text);

inline constexpr std::string_view kMask = "********";

}  // namespace pgkeel::incident
