// See lexer.hpp. A step begins at here_, in the state the bytes before left, takes at least one
// byte or changes the state, and says whether a token is complete. What may be cut by the end of a
// piece is a state of its own.
#include "gateway/sql/lexer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pgkeel::gateway::sql {
namespace {

// Encodings in which the second byte of a character may be one of ASCII's: the client-only ones of
// src/include/mb/pg_wchar.h. The names are those that a server reports.
constexpr std::string_view kHidingEncodings[] = {"SJIS",    "BIG5",  "GBK",           "UHC",
                                                 "GB18030", "JOHAB", "SHIFT_JIS_2004"};

// Where the bytes of a class end. By a pointer of its own: a member would be stored at each byte.
const char* skip(const char* at, const char* end, auto belongs) {
  while (at != end && belongs(*at)) ++at;
  return at;
}

}  // namespace

LexicalRules lexical_rules(std::string_view standard_conforming_strings,
                           std::string_view client_encoding) {
  LexicalRules rules;
  if (standard_conforming_strings == "off") rules.backslash = Backslash::Escape;
  if (standard_conforming_strings.empty()) rules.backslash = Backslash::Unknown;
  if (client_encoding.empty() ||
      std::ranges::find(kHidingEncodings, client_encoding) != std::end(kHidingEncodings))
    rules.encoding = Encoding::MayHideAscii;
  return rules;
}

void Lexer::feed(std::string_view piece) {
  here_ = piece.data();
  end_ = here_ + piece.size();
  if (rules_.encoding == Encoding::MayHideAscii && std::ranges::any_of(piece, is_high)) give_up();
}

bool Lexer::next(Token& token) {
  if (owed_ != '\0') return emit_symbol(token, std::exchange(owed_, '\0'));
  while (here_ != end_)
    if (mode_ == Mode::Start ? start(token) : step(token)) return true;
  return false;
}

bool Lexer::step(Token& token) {
  switch (mode_) {
    case Mode::Start: return start(token);
    case Mode::Word: return word(token);
    case Mode::UnicodePrefix: return unicode_prefix(token);
    case Mode::Number: return number(), false;
    case Mode::Exponent: return exponent(), false;
    case Mode::ExponentSign: return exponent_sign(token);
    case Mode::Minus: return minus(token);
    case Mode::Slash: return slash(token);
    case Mode::Dollar: return dollar(token);
    case Mode::ParameterDigits: return parameter_digits(), false;
    case Mode::DollarTag: return dollar_tag(token);
    case Mode::DollarBody: return dollar_body(token);
    case Mode::StringBody: return string_body(), false;
    case Mode::EscapedBody: return escaped_body(), false;
    case Mode::EscapedByte: return ++here_, mode_ = Mode::EscapedBody, false;
    case Mode::StringQuote: return string_quote(token);
    case Mode::BehindString: return behind_string(token);
    case Mode::BehindStringMinus: return behind_string_minus(token);
    case Mode::BehindStringComment: return behind_string_comment(), false;
    case Mode::NameBody: return name_body(), false;
    case Mode::NameQuote: return name_quote(token);
    case Mode::LineComment: return line_comment(), false;
    case Mode::BlockComment: return block_comment(), false;
    case Mode::Over: break;
  }
  here_ = end_;
  return false;
}

bool Lexer::start(Token& token) {
  const char* const begin = skip(here_, end_, is_space);
  here_ = begin;
  if (begin == end_) return false;
  const char first = *begin;
  const auto kind = class_of(first);
  if (kind == ByteClass::Letter) {
    here_ = skip(begin + 1, end_, is_name_byte);
    const std::string_view text(begin, here_);
    if (here_ != end_) return end_word(text, token);
    kept_size_ = 0;
    keep(text);
    mode_ = Mode::Word;
    return false;
  }
  if (kind != ByteClass::Other) return start_special(kind, token);
  ++here_;
  return emit_symbol(token, first);
}

bool Lexer::start_special(ByteClass kind, Token& token) {
  switch (kind) {
    case ByteClass::Digit:
      before_ = '\0', mode_ = Mode::Number;
      return emit(token, TokenKind::Number);
    case ByteClass::Quote: ++here_; return open_string(Quoting::Plain, token);
    case ByteClass::DoubleQuote: ++here_; return open_name(token);
    case ByteClass::Dollar: ++here_, mode_ = Mode::Dollar; return false;
    case ByteClass::Minus: ++here_, mode_ = Mode::Minus; return false;
    case ByteClass::Slash: ++here_, mode_ = Mode::Slash; return false;
    default: mode_ = Mode::Over; return false;  // a NUL
  }
}

bool Lexer::word(Token& token) {
  const char* const begin = here_;
  here_ = skip(begin, end_, is_name_byte);
  keep({begin, here_});
  return here_ != end_ && end_word(kept(), token);
}

// A word before a byte that is none of its own. A single letter may belong to a literal.
bool Lexer::end_word(std::string_view text, Token& token) {
  mode_ = Mode::Start;
  if (text.size() == 1 && (*here_ == '\'' || *here_ == '&')) {
    const char letter = to_lower(text[0]);
    if (*here_ == '\'' && letter == 'e') return ++here_, open_string(Quoting::Escape, token);
    if (*here_ == '\'' && (letter == 'b' || letter == 'x'))
      return ++here_, open_string(Quoting::Bits, token);
    if (*here_ == '&' && letter == 'u') return ++here_, mode_ = Mode::UnicodePrefix, false;
  }
  return emit(token, TokenKind::Word, text.substr(0, kNameBytes));
}

bool Lexer::unicode_prefix(Token& token) {
  mode_ = Mode::Start;
  if (*here_ == '\'') return ++here_, open_string(Quoting::Unicode, token);
  if (*here_ == '"') {
    ++here_, hidden_ = true, kept_size_ = 0, mode_ = Mode::NameBody;
    return false;
  }
  owed_ = '&';
  return emit(token, TokenKind::Word, "u");
}

// A number is told when it begins. Letters behind it are a word of their own to 13 and 14, and an
// error later: 0x1F and 1_000, numbers since 16, are then a number and a word that nobody knows.
// before_ is the point or the e that it already has.
void Lexer::number() {
  while (here_ != end_ && (is_digit(*here_) || (*here_ == '.' && before_ == '\0')))
    if (*here_++ == '.') before_ = '.';
  if (here_ == end_) return;
  mode_ = Mode::Start;
  if (to_lower(*here_) == 'e' && before_ != 'e') ++here_, mode_ = Mode::Exponent;
}

// Behind "1e": without a digit it was not an exponent but the begin of a word.
void Lexer::exponent() {
  if (is_digit(*here_)) {
    before_ = 'e';
    mode_ = Mode::Number;
  } else if (*here_ == '+' || *here_ == '-') {
    before_ = *here_++;
    mode_ = Mode::ExponentSign;
  } else {
    kept_size_ = 0;
    keep("e");
    mode_ = Mode::Word;
  }
}

bool Lexer::exponent_sign(Token& token) {
  if (is_digit(*here_)) return before_ = 'e', mode_ = Mode::Number, false;
  mode_ = before_ == '-' ? Mode::Minus : Mode::Start;
  if (before_ == '+') owed_ = '+';
  return emit(token, TokenKind::Word, "e");
}

bool Lexer::minus(Token& token) {
  if (*here_ == '-') return ++here_, mode_ = Mode::LineComment, false;
  mode_ = Mode::Start;
  return emit_symbol(token, '-');
}

bool Lexer::slash(Token& token) {
  if (*here_ == '*') {
    ++here_, depth_ = 1, before_ = '\0', mode_ = Mode::BlockComment;
    return false;
  }
  mode_ = Mode::Start;
  return emit_symbol(token, '/');
}

void Lexer::line_comment() {
  const auto* line_end = static_cast<const char*>(std::memchr(here_, '\n', left().size()));
  const auto size =
      line_end != nullptr ? static_cast<std::size_t>(line_end - here_) : left().size();
  const auto* other_end = static_cast<const char*>(std::memchr(here_, '\r', size));
  here_ = other_end != nullptr ? other_end : here_ + size;
  if (here_ != end_) mode_ = Mode::Start;
}

// before_ is a star or a slash that no begin and no end has used.
void Lexer::block_comment() {
  if (before_ == '\0') {
    const auto* mark = std::find_if(here_, end_, [](char c) { return c == '*' || c == '/'; });
    here_ = mark;
    if (mark != end_) before_ = *here_++;
    return;
  }
  const char byte = *here_++;
  if (before_ == '*' && byte == '/') {
    before_ = '\0';
    if (--depth_ == 0) mode_ = Mode::Start;
  } else if (before_ == '/' && byte == '*') {
    before_ = '\0';
    ++depth_;
  } else {
    before_ = byte == '*' || byte == '/' ? byte : '\0';
  }
}

bool Lexer::dollar(Token& token) {
  kept_size_ = 0, matched_ = 0;
  if (is_digit(*here_)) {
    mode_ = Mode::ParameterDigits;
    return emit(token, TokenKind::Parameter);
  }
  if (*here_ == '$') return ++here_, mode_ = Mode::DollarBody, false;
  if (class_of(*here_) == ByteClass::Letter) return mode_ = Mode::DollarTag, false;
  mode_ = Mode::Start;
  return emit_symbol(token, '$');
}

void Lexer::parameter_digits() {
  here_ = skip(here_, end_, is_digit);
  if (here_ != end_) mode_ = Mode::Start;
}

bool Lexer::dollar_tag(Token& token) {
  const char* const begin = here_;
  while (here_ != end_ && *here_ != '$' && is_name_byte(*here_)) ++here_;
  const std::string_view tag(begin, here_);
  if (kept_size_ + tag.size() > kKeptMost) return give_up(), false;
  keep(tag);
  if (here_ == end_) return false;
  if (*here_ == '$') return ++here_, mode_ = Mode::DollarBody, false;
  return end_word(kept(), token);  // the dollar before it is an error to the server
}

// The tag has dollars at its ends only: a match that fails begins anew at the byte where it did.
bool Lexer::dollar_body(Token& token) {
  while (here_ != end_) {
    if (matched_ == 0) {
      const auto* mark = static_cast<const char*>(std::memchr(here_, '$', left().size()));
      if (mark == nullptr) return here_ = end_, false;
      here_ = mark + 1, matched_ = 1;
      continue;
    }
    const char byte = *here_++;
    const bool closes = matched_ == kept_size_ + 1;
    if (closes && byte == '$') return mode_ = Mode::Start, emit(token, TokenKind::HiddenString);
    if (!closes && byte == kept_[matched_ - 1]) ++matched_;
    else matched_ = byte == '$' ? 1 : 0;
  }
  return false;
}

bool Lexer::emit(Token& token, TokenKind kind, std::string_view text) {
  // Field by field: written as a whole it is put together on the stack and copied, at twice the
  // cost.
  token.kind = kind;
  token.symbol = '\0';
  token.text = text;
  return true;
}

bool Lexer::emit_symbol(Token& token, char symbol) {
  token.kind = TokenKind::Symbol;
  token.symbol = symbol;
  token.text = {};
  return true;
}

std::string_view Lexer::left() const { return {here_, end_}; }

void Lexer::keep(std::string_view text) {
  const auto taken = std::min(text.size(), kKeptMost - kept_size_);
  std::memcpy(kept_.data() + kept_size_, text.data(), taken);
  kept_size_ += taken;
  hidden_ |= taken < text.size();
}

void Lexer::give_up() {
  lost_ = true;
  mode_ = Mode::Over;
  here_ = end_;
}

}  // namespace pgkeel::gateway::sql
