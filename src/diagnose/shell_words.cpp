// See shell_words.hpp.
#include "diagnose/shell_words.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

bool looks_like_conninfo(std::string_view name) {
  return name.contains('=') || name.starts_with("postgres://") || name.starts_with("postgresql://");
}

std::string as_conninfo(std::string_view name) {
  std::string text = "dbname='";
  for (const char c : name) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

}  // namespace

std::string shell_word(std::string_view text) {
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos)
    return std::string(text);
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string dbname_option(std::string_view database) {
  return "--dbname=" +
         shell_word(looks_like_conninfo(database) ? as_conninfo(database) : std::string(database));
}

}  // namespace pgkeel::diagnose
