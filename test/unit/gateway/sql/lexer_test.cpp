// SQL text as tokens, as the server's scanner cuts it, and the same wherever the text is cut.
#include "gateway/sql/lexer.hpp"

#include <gtest/gtest.h>
#include <string>

namespace pgkeel::gateway::sql {
namespace {

// One letter for the kind, and the text where there is one: "Wselect N S= ".
std::string shown(const Token& token) {
  constexpr std::string_view kLetters = "WQUSHNPX";
  std::string out(1, kLetters[static_cast<std::size_t>(token.kind)]);
  if (token.kind == TokenKind::Symbol) out = token.symbol;
  return out + std::string(token.text) + ' ';
}

// Everything before `cut` is fed first, the rest as often as `step` bytes are there.
std::string tokens(std::string_view sql, LexicalRules rules, std::size_t cut, std::size_t step) {
  Lexer lexer(rules);
  std::string out;
  const auto feed = [&](std::string_view piece) {
    const std::string copy(piece);  // so that a view into an old piece is a fault
    lexer.feed(copy);
    for (Token token; lexer.next(token);) out += shown(token);
  };
  feed(sql.substr(0, cut));
  for (auto rest = sql.substr(cut); !rest.empty(); rest.remove_prefix(std::min(step, rest.size())))
    feed(rest.substr(0, step));
  for (Token token; lexer.finish(token);) out += shown(token);
  return lexer.lost() ? out + "lost" : out;
}

std::string tokens(std::string_view sql, LexicalRules rules = {}) {
  const auto whole = tokens(sql, rules, sql.size(), 1);
  for (std::size_t cut = 0; cut < sql.size(); ++cut)
    EXPECT_EQ(tokens(sql, rules, cut, sql.size()), whole) << sql << " cut at " << cut;
  for (const std::size_t step : {1U, 2U, 3U, 7U})
    EXPECT_EQ(tokens(sql, rules, 0, step), whole) << sql << " in pieces of " << step;
  return whole;
}

constexpr LexicalRules kEscapes{.backslash = Backslash::Escape};
constexpr LexicalRules kUnknown{.backslash = Backslash::Unknown};
constexpr LexicalRules kHiding{.encoding = Encoding::MayHideAscii};

TEST(Lexer, CutsWordsNumbersAndSymbols) {
  // Goal: the plain parts of a statement, with bytes above ASCII as letters.
  EXPECT_EQ(tokens("UPDATE a.b SET größe=größe+$12 WHERE x$1<>1.5e3;"),
            "WUPDATE Wa . Wb WSET Wgröße = Wgröße + P WWHERE Wx$1 < > N ; ");
  EXPECT_EQ(tokens(""), "");
  EXPECT_EQ(tokens("  \t\r\n\f\v "), "");
  EXPECT_EQ(tokens(std::string_view("select 1\0garbage 'x", 19)), "Wselect N ");
}

TEST(Lexer, EndsPlainStringsAsStandardConformingStringsSays) {
  // Goal: a backslash is a byte, an escape, or where the setting is not known the end of it all.
  EXPECT_EQ(tokens(R"('a\' b)"), "Sa\\ Wb ");
  EXPECT_EQ(tokens(R"('a\' b')", kEscapes), "H ");
  EXPECT_EQ(tokens("'a' b", kEscapes), "Sa Wb ");
  EXPECT_EQ(tokens(R"(c 'a\' b)", kUnknown), "Wc lost");
  EXPECT_EQ(tokens("'a' b", kUnknown), "Sa Wb ");
  EXPECT_EQ(tokens("'it''s' '' c"), "H S Wc ");
  EXPECT_EQ(tokens("N'a' n'b'"), "WN Sa Wn Sb ");
}

TEST(Lexer, ReadsStringsOfEveryKind) {
  // Goal: E'', B'', X'', U&'' and U&"" end where the server ends them.
  EXPECT_EQ(tokens(R"(E'a\'b' c e'\\' d e'x')"), "H Wc H Wd Sx ");
  EXPECT_EQ(tokens(R"(e'''\'''' c)"), "H Wc ");
  EXPECT_EQ(tokens("B'01' x'1f''' b"), "H H S Wb ");
  EXPECT_EQ(tokens(R"(U&'a\' u&"d\0061t""a" U&b u&'x')"), "H U Wu & Wb H ");
  EXPECT_EQ(tokens("name'e' E 'a'"), "Wname Se WE Sa ");
  EXPECT_EQ(tokens(R"('a\' E'||'b')", kEscapes), "H | | Sb ");
}

TEST(Lexer, GoesOnWithAStringBehindANewline) {
  // Goal: 'a' newline 'b' is one string of the kind it began as; without a newline there are two.
  EXPECT_EQ(tokens("'a'\n'b' c"), "H Wc ");
  EXPECT_EQ(tokens("E'a' -- c\n -- d\r '\\'b' c"), "H Wc ");
  EXPECT_EQ(tokens("'a' 'b'"), "Sa Sb ");
  EXPECT_EQ(tokens("'a' /* \n */ 'b'"), "Sa Sb ");
  EXPECT_EQ(tokens("'a'\n- 'b'"), "Sa - Sb ");
  EXPECT_EQ(tokens("'a'-1 'b'--x"), "Sa - N Sb ");
  EXPECT_EQ(tokens("'a'\n--'b"), "Sa ");
  EXPECT_EQ(tokens("'a'\n$$b$$"), "Sa H ");
}

TEST(Lexer, ReadsDollarQuotes) {
  // Goal: only the same tag ends it, a dollar within a name begins none, $1 is a parameter.
  EXPECT_EQ(tokens("$$a'b$$ c"), "H Wc ");
  EXPECT_EQ(tokens("$a$ $b$ $a $aa$ $a$c"), "H Wc ");
  EXPECT_EQ(tokens("$d$$dd$d$ e"), "H We ");
  EXPECT_EQ(tokens("a$b$c$1 $12"), "Wa$b$c$1 P ");
  EXPECT_EQ(tokens("$1$$a$$"), "P H ");
  EXPECT_EQ(tokens("$tag ' e '"), "Wtag S e  ");
  EXPECT_EQ(tokens("$e'\\'' x"), "H Wx ");
  EXPECT_EQ(tokens("$größe$ ' $größe$ x"), "H Wx ");
  EXPECT_EQ(tokens("$" + std::string(200, 'a') + "$ 'x"), "lost");
}

TEST(Lexer, ReadsQuotedNames) {
  // Goal: doubled quotes, and the 63 bytes that the server keeps of a name.
  EXPECT_EQ(tokens(R"("a b"."c""d" e)"), "Qa b . Qc\"d We ");
  EXPECT_EQ(tokens('"' + std::string(70, 'x') + "\" " + std::string(70, 'y')),
            'Q' + std::string(63, 'x') + " W" + std::string(63, 'y') + ' ');
  EXPECT_EQ(tokens('"' + std::string(300, 'x') + "\"\"y\""), 'Q' + std::string(63, 'x') + ' ');
}

TEST(Lexer, SkipsComments) {
  // Goal: nested, within operators, to the end of the line or of the text; a star is not enough.
  EXPECT_EQ(tokens("a/* /* ' */ */b /***/ c /*/ d */ e /**//*/**/*/ f"), "Wa Wb Wc We Wf ");
  EXPECT_EQ(tokens("a+--b'\nc */*d*/e <--f"), "Wa + Wc * We < ");
  EXPECT_EQ(tokens("a -- ' \r b -/ c*/ d"), "Wa Wb - / Wc * / Wd ");
  EXPECT_EQ(tokens("a /* * / /* **/ b"), "Wa ");
}

TEST(Lexer, EndsNumbersBeforeWords) {
  // Goal: 13 and 14 read 1into as two tokens, and an exponent only where there is a digit.
  EXPECT_EQ(tokens("1into 1.5into 1e5into 1e+5into 1.e5 x"),
            "N Winto N Winto N Winto N Winto N Wx ");
  EXPECT_EQ(tokens("1else 1e'a' 1e+x 1e--x\ny 1e"), "N Welse N Sa N We + Wx N We Wy N We ");
  EXPECT_EQ(tokens("0x1F 1_000 1..10"), "N Wx1F N W_000 N . N ");
  EXPECT_EQ(tokens("1.5.e5 1e5.e5"), "N . We5 N . We5 ");
  EXPECT_EQ(tokens("$1into"), "P Winto ");
}

TEST(Lexer, IsLostWhereACharacterMayHideAQuote) {
  // Goal: in SJIS and its like a byte above ASCII ends what can be known.
  EXPECT_EQ(tokens("select 'a\\' b", kHiding), "Wselect Sa\\ Wb ");
  Lexer lexer(kHiding);
  lexer.feed("select '\x83\x5c'");
  Token token;
  EXPECT_FALSE(lexer.next(token));
  EXPECT_TRUE(lexer.lost());
}

TEST(LexicalRules, FollowWhatTheServerReports) {
  // Goal: the values of ParameterStatus, and nothing assumed before they are there.
  EXPECT_EQ(lexical_rules("on", "UTF8").backslash, Backslash::Plain);
  EXPECT_EQ(lexical_rules("off", "UTF8").backslash, Backslash::Escape);
  EXPECT_EQ(lexical_rules("", "UTF8").backslash, Backslash::Unknown);
  EXPECT_EQ(lexical_rules("on", "LATIN1").encoding, Encoding::AsciiSafe);
  for (const std::string_view name : {"SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", ""})
    EXPECT_EQ(lexical_rules("on", name).encoding, Encoding::MayHideAscii) << name;
}

}  // namespace
}  // namespace pgkeel::gateway::sql
