// See shown_text.hpp.
#include "gateway/sql/shown_text.hpp"

namespace pgkeel::gateway::sql {
namespace {

std::string text_of(const Token& token) {
  switch (token.kind) {
    case TokenKind::Word: return std::string(token.text);
    case TokenKind::Name: return '"' + std::string(token.text) + '"';
    case TokenKind::HiddenName: return "\"...\"";
    case TokenKind::Parameter: return "$";
    case TokenKind::Symbol: return std::string(1, token.symbol);
    case TokenKind::String:
    case TokenKind::HiddenString:
    case TokenKind::Number: return "?";
  }
  return {};
}

bool stands_alone(const Token& token) { return token.kind != TokenKind::Symbol; }

}  // namespace

std::string shown_text(std::string_view sql, LexicalRules rules) {
  Lexer lexer(rules);
  lexer.feed(sql);
  std::string shown;
  Token token;
  bool apart = false;
  while (lexer.next(token) || lexer.finish(token)) {
    if (apart && stands_alone(token)) shown += ' ';
    shown += text_of(token);
    apart = stands_alone(token) || token.symbol == ',' || token.symbol == ')';
    if (shown.size() > kShownTextMost) return shown.substr(0, kShownTextMost) + "...";
  }
  return lexer.lost() ? shown + "..." : shown;
}

}  // namespace pgkeel::gateway::sql
