// The lexer within quotes: strings of every kind, what may continue them, and quoted names. Most of
// them end in the piece they begin in: those are told from where they lie. What is cut, or has its
// quote doubled, is kept as far as anybody wants it.
#include <algorithm>
#include <cstring>

#include "gateway/sql/lexer.hpp"

namespace pgkeel::gateway::sql {
namespace {

const char* find_byte(std::string_view in, char byte) {
  return static_cast<const char*>(std::memchr(in.data(), byte, in.size()));
}

// Behind a closing quote nothing but these can make the string go on.
bool may_continue(char byte) { return byte == '\'' || byte == '-' || is_space(byte); }

}  // namespace

bool Lexer::open_string(Quoting quoting, Token& token) {
  if (quoting == Quoting::Plain && rules_.backslash == Backslash::Escape) quoting = Quoting::Escape;
  quoting_ = quoting;
  hidden_ = quoting == Quoting::Bits || quoting == Quoting::Unicode;
  kept_size_ = 0;
  mode_ = quoting == Quoting::Escape ? Mode::EscapedBody : Mode::StringBody;
  if (quoting != Quoting::Plain || rules_.backslash == Backslash::Unknown || here_ == end_)
    return false;
  const auto* close = find_byte(left(), '\'');
  if (close == nullptr || close + 1 == end_ || may_continue(close[1])) return false;
  const std::string_view value(here_, close);
  here_ = close + 1;
  mode_ = Mode::Start;
  return value.size() <= kKeptMost ? emit(token, TokenKind::String, value)
                                   : emit(token, TokenKind::HiddenString);
}

void Lexer::string_body() {
  const auto* close = find_byte(left(), '\'');
  const std::string_view body(here_, close != nullptr ? close : end_);
  const bool plain = quoting_ == Quoting::Plain && rules_.backslash == Backslash::Unknown;
  if (plain && body.contains('\\')) return give_up();
  keep(body);
  here_ = body.data() + body.size();
  if (close == nullptr) return;
  ++here_;
  mode_ = Mode::StringQuote;
}

void Lexer::escaped_body() {
  const auto* mark = std::find_if(here_, end_, [](char c) { return c == '\'' || c == '\\'; });
  keep({here_, mark});
  here_ = mark;
  if (mark == end_) return;
  ++here_;
  hidden_ |= *mark == '\\';
  mode_ = *mark == '\\' ? Mode::EscapedByte : Mode::StringQuote;
}

// Behind a quote: one more is a quote in the string, but not in a string of bits.
bool Lexer::string_quote(Token& token) {
  newline_ = false;
  mode_ = Mode::BehindString;
  if (*here_ != '\'') return false;
  if (quoting_ == Quoting::Bits) return emit_string(token);
  ++here_;
  hidden_ = true;
  mode_ = quoting_ == Quoting::Escape ? Mode::EscapedBody : Mode::StringBody;
  return false;
}

// A string goes on behind white space and comments if they hold a newline: 'a' <newline> 'b'.
bool Lexer::behind_string(Token& token) {
  while (is_space(*here_)) {
    newline_ |= *here_ == '\n' || *here_ == '\r';
    if (++here_ == end_) return false;
  }
  if (*here_ == '-') return ++here_, mode_ = Mode::BehindStringMinus, false;
  if (*here_ != '\'' || !newline_) return emit_string(token);
  ++here_;
  hidden_ = true;
  mode_ = quoting_ == Quoting::Escape ? Mode::EscapedBody : Mode::StringBody;
  return false;
}

bool Lexer::behind_string_minus(Token& token) {
  if (*here_ == '-') return ++here_, mode_ = Mode::BehindStringComment, false;
  static_cast<void>(emit_string(token));
  owed_ = '-';
  return true;
}

void Lexer::behind_string_comment() {
  line_comment();
  if (here_ != end_) mode_ = Mode::BehindString;
}

bool Lexer::emit_string(Token& token) {
  mode_ = Mode::Start;
  return hidden_ ? emit(token, TokenKind::HiddenString) : emit(token, TokenKind::String, kept());
}

bool Lexer::open_name(Token& token) {
  hidden_ = false;
  kept_size_ = 0;
  mode_ = Mode::NameBody;
  const auto* close = here_ == end_ ? nullptr : find_byte(left(), '"');
  if (close == nullptr || close + 1 == end_ || close[1] == '"') return false;
  const std::string_view name(here_, close);
  here_ = close + 1;
  mode_ = Mode::Start;
  return emit(token, TokenKind::Name, name.substr(0, kNameBytes));
}

void Lexer::name_body() {
  const auto* close = find_byte(left(), '"');
  const std::string_view body(here_, close != nullptr ? close : end_);
  // What is beyond is beyond a name, too: hidden_ stays for U&"...".
  keep(body.substr(0, kKeptMost - kept_size_));
  here_ = body.data() + body.size();
  if (close == nullptr) return;
  ++here_;
  mode_ = Mode::NameQuote;
}

bool Lexer::name_quote(Token& token) {
  mode_ = Mode::Start;
  if (*here_ != '"')
    return hidden_ ? emit(token, TokenKind::HiddenName)
                   : emit(token, TokenKind::Name, kept().substr(0, kNameBytes));
  ++here_;
  if (kept_size_ < kKeptMost) keep("\"");
  mode_ = Mode::NameBody;
  return false;
}

bool Lexer::finish(Token& token) {
  // A space completes what stands outside of quotes.
  feed(" ");
  const bool string_ended = mode_ == Mode::StringQuote || mode_ == Mode::BehindString ||
                            mode_ == Mode::BehindStringComment;
  return owed_ != '\0' || !string_ended ? next(token) : emit_string(token);
}

}  // namespace pgkeel::gateway::sql
