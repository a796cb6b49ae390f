// Terminal output: the few sequences that are used, and widths in characters instead of bytes.
#include "app/look.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace pgkeel::app {
namespace {

constexpr int kWidthUsual = 80;
constexpr int kWidthMax = 200;  // longer lines are harder to read, not easier

std::string_view sequence(Tone tone) {
  switch (tone) {
    case Tone::Good: return "32";
    case Tone::Bad: return "1;31";
    case Tone::Warn: return "33";
    case Tone::Dim: return "2";
    case Tone::Strong: return "1";
    case Tone::Plain: return "";
  }
  return "";
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

int terminal_width(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const int asked = columns == nullptr ? 0 : std::atoi(columns);
  return asked > 0 ? asked : kWidthUsual;
}

// The next word's end, counted from `from`.
std::size_t word_end(std::string_view text, std::size_t from) {
  const auto space = text.find(' ', from);
  return space == std::string_view::npos ? text.size() : space;
}

}  // namespace

std::string Look::paint(Tone tone, std::string_view text) const {
  const auto code = sequence(tone);
  if (!colour || code.empty()) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

Look Look::of(int descriptor, bool refuse_colour) {
  Look look;
  look.terminal = isatty(descriptor) == 1;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  const bool dumb = kind == nullptr || std::string_view(kind) == "dumb";
  const bool asked_not = no_colour != nullptr && *no_colour != '\0';
  look.colour = look.terminal && !refuse_colour && !asked_not && !dumb;
  look.width = std::clamp(terminal_width(descriptor), kWidthMin, kWidthMax);
  return look;
}

std::size_t columns_of(std::string_view text) {
  std::size_t count = 0;
  bool in_sequence = false;
  for (const char c : text) {
    if (c == '\033') in_sequence = true;
    else if (in_sequence) in_sequence = c != 'm';
    else if (!is_continuation(c)) ++count;
  }
  return count;
}

std::string cut(std::string_view text, std::size_t limit) {
  if (columns_of(text) <= limit || limit == 0) return std::string(text);
  std::string kept;
  std::size_t count = 0;
  bool in_sequence = false;
  bool coloured = false;
  for (const char c : text) {
    if (c == '\033') in_sequence = coloured = true;
    const bool counts = !in_sequence && !is_continuation(c);
    if (in_sequence) in_sequence = c != 'm';
    if (counts && ++count >= limit) break;
    kept += c;
  }
  return kept + "…" + (coloured ? "\033[0m" : "");
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string wrapped;
  std::size_t column = indent;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = word_end(text, at);
    const auto word = text.substr(at, end - at);
    const auto wide = columns_of(word);
    if (column > indent && column + 1 + wide > width) {
      wrapped += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      wrapped += ' ';
      ++column;
    }
    wrapped += word;
    column += wide;
    at = end + 1;
  }
  return wrapped + "\n";
}

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t') shown += ' ';
    else if (byte < 0x20 || byte == 0x7F) shown += fmt::format("\\x{:02x}", byte);
    else shown += c;
  }
  return shown;
}

std::string columns(const std::vector<std::vector<std::string>>& rows, int width) {
  std::vector<std::size_t> widest;
  for (const auto& row : rows) {
    widest.resize(std::max(widest.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widest[i] = std::max(widest[i], columns_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widest[i] - columns_of(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += cut(line, static_cast<std::size_t>(width)) + "\n";
  }
  return text;
}

}  // namespace pgkeel::app
