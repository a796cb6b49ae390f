// See message.hpp.
#include "pg/scram/message.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "pg/scram/base64.hpp"

namespace pgkeel::pg {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

Result<ScramReader> ScramReader::create(std::string_view message) {
  if (message.empty() || message.size() > kScramMessageBytesMost)
    return fail(ErrorCode::Malformed, fmt::format("a SCRAM message of {} bytes", message.size()));
  if (message.find('\0') != std::string_view::npos)
    return fail(ErrorCode::Malformed, "a SCRAM message with a NUL in it");
  return ScramReader(message);
}

Result<ScramAttribute> ScramReader::any() {
  if (rest_.size() < 2 || !is_letter(rest_[0]) || rest_[1] != '=')
    return fail(ErrorCode::Malformed, "a SCRAM message where an attribute is missing");
  const auto end = std::min(rest_.find(','), rest_.size());
  const ScramAttribute attribute{rest_[0], rest_.substr(2, end - 2)};
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return attribute;
}

Result<std::string_view> ScramReader::value(char name) {
  if (!rest_.starts_with(name))
    return fail(ErrorCode::Malformed, fmt::format("a SCRAM message without its \"{}\"", name));
  TRY(attribute, any());
  return attribute.value;
}

bool ScramReader::skip(std::string_view text) {
  if (!rest_.starts_with(text)) return false;
  rest_.remove_prefix(text.size());
  return true;
}

Result<void> ScramReader::finish() const {
  if (!rest_.empty()) return fail(ErrorCode::Malformed, "a SCRAM message that does not end");
  return {};
}

bool is_scram_printable(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7e && c != ','; });
}

std::string scram_nonce(ByteSpan random) { return to_base64(random); }

std::string scram_binding(std::string_view header, std::string_view end_point) {
  const auto bound = fmt::format("{}{}", header, end_point);
  return to_base64(std::as_bytes(std::span(bound)));
}

Result<ScramKey> scram_key_of(std::string_view base64) {
  const auto bytes = from_base64(base64);
  if (!bytes || bytes->size() != ScramKey::kBytes)
    return fail(ErrorCode::Malformed, "a SCRAM message whose proof is none");
  return ScramKey(std::as_bytes(std::span(*bytes)));
}

}  // namespace pgkeel::pg
