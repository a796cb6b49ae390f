// See deallocated_name.hpp. DEALLOCATE [PREPARE] name, as DeallocateStmt of gram.y has it.
#include "gateway/sql/deallocated_name.hpp"

#include <algorithm>
#include <vector>

#include "gateway/sql/byte_class.hpp"
#include "gateway/sql/words.hpp"

namespace pgkeel::gateway::sql {
namespace {

// DEALLOCATE PREPARE name: a fourth makes it something else.
constexpr std::size_t kWordsMost = 3;

struct Named {
  Word word;
  std::string name;  ///< empty: no name, or none that can be told
};

std::optional<Named> named(const Token& token) {
  if (token.kind == TokenKind::Name) return Named{Word::Other, std::string(token.text)};
  if (token.kind != TokenKind::Word) return std::nullopt;
  if (std::ranges::any_of(token.text, is_high)) return std::nullopt;
  std::string folded(token.text);
  std::ranges::transform(folded, folded.begin(), to_lower);
  return Named{word_of(token.text), std::move(folded)};
}

/// The names of a text that has nothing but names, and a semicolon behind them.
class Names {
 public:
  void add(const Token& token) {
    if (token.symbol == ';') {
      ended_ = ended_ || !all_.empty();
      return;
    }
    auto one = named(token);
    if (!one || ended_ || all_.size() == kWordsMost) other_ = true;
    else all_.push_back(std::move(*one));
  }
  [[nodiscard]] const std::vector<Named>& all() const { return all_; }
  [[nodiscard]] bool other() const { return other_; }

 private:
  std::vector<Named> all_;
  bool ended_ = false;
  bool other_ = false;
};

}  // namespace

std::optional<std::string> deallocated_name(std::string_view sql, LexicalRules rules) {
  if (sql.size() > kDeallocateBytesMost) return std::nullopt;
  Lexer lexer(rules);
  Names names;
  lexer.feed(sql);
  for (Token token; lexer.next(token);) names.add(token);
  for (Token token; lexer.finish(token);) names.add(token);
  const auto& all = names.all();
  if (lexer.lost() || names.other() || all.size() < 2 || all[0].word != Word::Deallocate)
    return std::nullopt;
  const bool prepare = all[1].word == Word::Prepare && all.size() == 3;
  const auto& last = all[prepare ? 2 : 1];
  if ((all.size() == 3 && !prepare) || last.word == Word::All || last.name.empty())
    return std::nullopt;
  return last.name;
}

}  // namespace pgkeel::gateway::sql
