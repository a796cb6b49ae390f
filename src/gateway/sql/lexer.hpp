// SQL text as tokens, from pieces of any size: a statement may be larger than any buffer and is
// never put together. Where the server's scanner (src/backend/parser/scan.l, 13 to 18) sees a
// token, a comment or the inside of a literal, so does this one.
// It guarantees: the same tokens however the text is cut; no allocation; bounded memory. It refuses
// to guess: where a byte may mean two things, lost() says so and no token comes any more.
// Of a text that the server's scanner refuses it may see anything: such a text has no effect.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "gateway/sql/byte_class.hpp"

namespace pgkeel::gateway::sql {

/// What a backslash is in a plain string: standard_conforming_strings. Unknown while the setting
/// may be changing.
enum class Backslash : std::uint8_t { Plain, Escape, Unknown };
/// Whether a byte below 0x80 may be the second half of a character in the client's encoding.
enum class Encoding : std::uint8_t { AsciiSafe, MayHideAscii };

struct LexicalRules {
  Backslash backslash = Backslash::Plain;
  Encoding encoding = Encoding::AsciiSafe;
  friend bool operator==(const LexicalRules&, const LexicalRules&) = default;
};
/// From the two ParameterStatus values; an empty one is not known yet.
[[nodiscard]] LexicalRules lexical_rules(std::string_view standard_conforming_strings,
                                         std::string_view client_encoding);

enum class TokenKind : std::uint8_t {
  Word,          ///< an identifier or keyword without quotes, as written
  Name,          ///< an identifier in double quotes, without them
  HiddenName,    ///< U&"...", whose spelling is not worked out
  String,        ///< a literal whose value is `text`
  HiddenString,  ///< one whose value is not worked out: escapes, doubled quotes, too long, ...
  Number,
  Parameter,  ///< $1
  Symbol,     ///< one character of an operator or of punctuation
};

struct Token {
  TokenKind kind = TokenKind::Symbol;
  char symbol = '\0';       ///< of a Symbol
  std::string_view text{};  ///< of Word, Name, String: valid until the next call
};

class Lexer {
 public:
  explicit Lexer(LexicalRules rules) : rules_(rules) {}

  /// The next piece; it must live until next() has said that there is nothing more in it. A NUL
  /// between two tokens ends the text, as it does for the server.
  void feed(std::string_view piece);
  /// False: there is none.
  [[nodiscard]] bool next(Token& token);
  /// Behind the last piece: what only the end completes, until there is nothing more.
  [[nodiscard]] bool finish(Token& token);
  /// True once the rest cannot be told for certain.
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  enum class Mode : std::uint8_t {
    Start,
    Word,
    UnicodePrefix,
    Number,
    Exponent,
    ExponentSign,
    Minus,
    Slash,
    Dollar,
    ParameterDigits,
    DollarTag,
    DollarBody,
    StringBody,
    EscapedBody,
    EscapedByte,
    StringQuote,
    BehindString,
    BehindStringMinus,
    BehindStringComment,
    NameBody,
    NameQuote,
    LineComment,
    BlockComment,
    Over,
  };
  enum class Quoting : std::uint8_t { Plain, Escape, Bits, Unicode };

  [[nodiscard]] bool step(Token& token);
  [[nodiscard]] bool start(Token& token);
  [[nodiscard]] bool start_special(ByteClass kind, Token& token);
  [[nodiscard]] bool word(Token& token);
  [[nodiscard]] bool end_word(std::string_view text, Token& token);
  [[nodiscard]] bool unicode_prefix(Token& token);
  void number();
  void parameter_digits();
  void exponent();
  [[nodiscard]] bool exponent_sign(Token& token);
  [[nodiscard]] bool minus(Token& token);
  [[nodiscard]] bool slash(Token& token);
  [[nodiscard]] bool dollar(Token& token);
  [[nodiscard]] bool dollar_tag(Token& token);
  [[nodiscard]] bool dollar_body(Token& token);
  [[nodiscard]] bool open_string(Quoting quoting, Token& token);
  void string_body();
  void escaped_body();
  [[nodiscard]] bool string_quote(Token& token);
  [[nodiscard]] bool behind_string(Token& token);
  [[nodiscard]] bool behind_string_minus(Token& token);
  void behind_string_comment();
  [[nodiscard]] bool open_name(Token& token);
  void name_body();
  [[nodiscard]] bool name_quote(Token& token);
  void line_comment();
  void block_comment();

  [[nodiscard]] bool emit(Token& token, TokenKind kind, std::string_view text = {});
  [[nodiscard]] bool emit_symbol(Token& token, char symbol);
  [[nodiscard]] bool emit_string(Token& token);
  [[nodiscard]] std::string_view left() const;
  void keep(std::string_view text);
  [[nodiscard]] std::string_view kept() const { return {kept_.data(), kept_size_}; }
  void give_up();

  // Longer values are told apart by nobody: names of settings are far shorter.
  static constexpr std::size_t kKeptMost = 128;
  // The server cuts names there (NAMEDATALEN - 1).
  static constexpr std::size_t kNameBytes = 63;

  const char* here_ = nullptr;
  const char* end_ = nullptr;
  LexicalRules rules_;
  Mode mode_ = Mode::Start;
  Quoting quoting_ = Quoting::Plain;
  char owed_ = '\0';      ///< a symbol that comes before anything else
  char before_ = '\0';    ///< a star, a slash, a sign, ... that the next byte decides on
  bool hidden_ = false;   ///< of the string that is open
  bool newline_ = false;  ///< seen behind the string that may go on
  bool lost_ = false;
  std::uint32_t depth_ = 0;  ///< of comments within comments
  std::size_t matched_ = 0;  ///< bytes of a closing $tag$
  std::size_t kept_size_ = 0;
  std::array<char, kKeptMost> kept_;  ///< what the pieces before hold of the token that is open
};

}  // namespace pgkeel::gateway::sql
