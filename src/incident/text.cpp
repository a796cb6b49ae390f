// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#include "incident/text.hpp"

#include <algorithm>
#include <cstdint>

namespace pgkeel::incident {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Length of the sequence that starts here, 0 when it is not one.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto first = byte(0);
  if (first != 0 && first < 0x80) return 1;
  const auto length = first >= 0xC2 && first < 0xE0   ? 2U
                      : first >= 0xE0 && first < 0xF0 ? 3U
                      : first >= 0xF0 && first < 0xF5 ? 4U
                                                      : 0U;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool too_high = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_high ? 0 : length;
}

// Byte length of the first `columns` code points.
std::size_t bytes_of(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  while (at < text.size() && columns > 0) {
    ++at;
    while (at < text.size() && is_continuation(text[at])) ++at;
    --columns;
  }
  return at;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto length = sequence_length(text, at);
    if (length == 0) valid += "\xEF\xBF\xBD";
    else valid += text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return valid;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : valid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\r' || c == '\t') line += ' ';
    else line += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  const auto end = line.find_last_not_of(' ');
  line.resize(end == std::string::npos ? 0 : end + 1);
  return line;
}

std::string cut_at_character(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && is_continuation(text[bytes])) --bytes;
  text.resize(bytes);
  return text;
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 1);
  std::vector<std::string> lines;
  while (columns_of(text) > width) {
    const auto full = bytes_of(text, width);
    // A space just behind the last column still lets the whole line stand.
    auto cut = text.rfind(' ', full);
    if (cut == std::string_view::npos || cut == 0) cut = full;
    lines.emplace_back(text.substr(0, cut));
    text.remove_prefix(cut);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

}  // namespace pgkeel::incident
