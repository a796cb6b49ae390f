// See http_target.hpp.
#include "runtime/http_target.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace pgkeel::runtime::detail {
namespace {

enum class Plus { Literal, Space };  // in a query a plus sign stands for a space

std::optional<char> decode_escape(std::string_view digits) {
  unsigned value = 0;
  if (digits.size() != 2) return std::nullopt;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + 2, value, 16);
  if (error != std::errc{} || stop != digits.data() + 2 || value == 0) return std::nullopt;
  return static_cast<char>(value);
}

std::optional<std::string> decode(std::string_view text, Plus plus) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const auto character = decode_escape(text.substr(i + 1, 2));
      if (!character) return std::nullopt;
      decoded += *character;
      i += 2;
    } else {
      decoded += text[i] == '+' && plus == Plus::Space ? ' ' : text[i];
    }
  }
  return decoded;
}

bool parse_query(std::string_view text, HttpRequest& request) {
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto key = decode(pair.substr(0, equals), Plus::Space);
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())), Plus::Space);
    if (!key || !value) return false;
    request.query[std::move(*key)] = std::move(*value);
  }
  return true;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string encode(std::string_view text, std::string_view also_literal) {
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c) || also_literal.find(c) != std::string_view::npos) encoded += c;
    else encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

}  // namespace

bool parse_target(std::string_view target, HttpRequest& request) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const auto slash = target.find('/', kScheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (!target.starts_with('/')) return false;
  target = target.substr(0, target.find('#'));
  const auto question = std::min(target.find('?'), target.size());
  auto path = decode(target.substr(0, question), Plus::Literal);
  if (!path) return false;
  request.path = std::move(*path);
  return parse_query(target.substr(std::min(question + 1, target.size())), request);
}

std::string write_target(const HttpRequest& request) {
  auto target = request.path.empty() ? std::string("/") : encode(request.path, "/:@!$&'()*,;=");
  char separator = '?';
  for (const auto& [key, value] : request.query) {
    target += separator + encode(key, "");
    if (!value.empty() || key.empty()) target += "=" + encode(value, "");
    separator = '&';
  }
  return target;
}

}  // namespace pgkeel::runtime::detail
