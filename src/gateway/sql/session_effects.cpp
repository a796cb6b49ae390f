// See session_effects.hpp. A statement is known by its first words, which a table looks up when it
// ends; a few words say something wherever they stand. SET and set_config() are in
// setting_names.cpp.
#include "gateway/sql/session_effects.hpp"

#include <algorithm>

namespace pgkeel::gateway::sql {
namespace {

constexpr std::size_t kRuleMost = 5;

struct Rule {
  std::array<Word, kRuleMost> head;
  BitSet<Tie> ties = {};
  BitSet<Tie> undone = {};
  BitSet<Trait> traits = {};
};

// What DISCARD ALL ends: see its page in the manual.
constexpr auto kDiscarded = Tie::Listen | Tie::TempObject | Tie::AdvisoryLock | Tie::HoldCursor |
                            Tie::Prepared | Tie::Authorization | Tie::Sequence;

using enum Word;

// Statements by their first words; the first row that fits says what the statement does. One that
// is in no row does nothing but what the words in it say.
constexpr Rule kRules[] = {
    {.head = {Listen}, .ties = Tie::Listen},
    {.head = {Unlisten, Star}, .undone = Tie::Listen},
    {.head = {Create, Temp}, .ties = Tie::TempObject},
    {.head = {Create, Local, Temp}, .ties = Tie::TempObject},
    {.head = {Create, Global, Temp}, .ties = Tie::TempObject},
    {.head = {Create, Or, Replace, Temp}, .ties = Tie::TempObject},
    {.head = {Create, Or, Replace, Local, Temp}, .ties = Tie::TempObject},
    {.head = {Create, Or, Replace, Global, Temp}, .ties = Tie::TempObject},
    {.head = {Prepare, Transaction, Literal}, .traits = Trait::PreparesTransaction},
    {.head = {Prepare}, .ties = Tie::Prepared},
    {.head = {Deallocate, All}, .undone = Tie::Prepared},
    {.head = {Deallocate, Prepare, All}, .undone = Tie::Prepared},
    {.head = {Discard, All}, .undone = kDiscarded, .traits = Trait::ResetsAll},
    {.head = {Discard, Temp}, .undone = Tie::TempObject},
    {.head = {Discard, Sequences}, .undone = Tie::Sequence},
    {.head = {CloseVerb, All}, .undone = Tie::HoldCursor},
    {.head = {Load}, .ties = Tie::Library},
    {.head = {Do}, .traits = Trait::Opaque},
    {.head = {Call}, .traits = Trait::Opaque},
    {.head = {Execute}, .traits = Trait::Opaque},
    {.head = {Begin}, .traits = Trait::Begins},
    {.head = {Start}, .traits = Trait::Begins},
    {.head = {Commit, Prepared}, .traits = Trait::EndsPrepared},
    {.head = {Commit}, .traits = Trait::Commits},
    {.head = {End}, .traits = Trait::Commits},
    {.head = {Rollback, Prepared}, .traits = Trait::EndsPrepared},
    {.head = {Rollback, To}, .traits = Trait::RollsBackTo},
    {.head = {Rollback, WorkWord, To}, .traits = Trait::RollsBackTo},
    {.head = {Rollback, Transaction, To}, .traits = Trait::RollsBackTo},
    {.head = {Rollback}, .traits = Trait::RollsBack},
    {.head = {Abort}, .traits = Trait::RollsBack},
    {.head = {Savepoint}, .traits = Trait::Savepoint},
    {.head = {Release}, .traits = Trait::Savepoint},
    {.head = {Copy}, .traits = Trait::Copies},
};

// Alone in its SELECT the function is certainly called, and once.
constexpr std::array<Word, 7> kUnlockForms[] = {
    {Select, UnlocksAdvisory, Open, Close},
    {Select, PgCatalog, Dot, UnlocksAdvisory, Open, Close},
};

struct LeadVerb {
  Word word;
  Verb verb;
};
constexpr LeadVerb kVerbs[] = {
    {Select, Verb::Select}, {Insert, Verb::Insert},  {Update, Verb::Update},
    {Delete, Verb::Delete}, {Merge, Verb::Merge},    {With, Verb::With},
    {Begin, Verb::Begin},   {Start, Verb::Begin},    {Commit, Verb::Commit},
    {End, Verb::Commit},    {Abort, Verb::Rollback}, {Rollback, Verb::Rollback},
    {Values, Verb::Select}, {Table, Verb::Select},
};

struct CallRule {
  Word function;
  BitSet<Tie> ties = {};
  BitSet<Trait> traits = {};
};
constexpr CallRule kCalls[] = {
    {.function = LocksAdvisory, .ties = Tie::AdvisoryLock},
    {.function = SetsSeed, .ties = Tie::Seed},
    {.function = ReadsSequence, .ties = Tie::Sequence},
    {.function = TakesResource, .ties = Tie::Resource},
    {.function = RunsText, .traits = Trait::Opaque},
};

// What set_limit() of pg_trgm sets.
constexpr std::string_view kLimitSetting = "pg_trgm.similarity_threshold";

// Which rows begin with a word: those of one verb stand together.
struct Rows {
  std::uint8_t begin = 0;
  std::uint8_t end = 0;
};
constexpr auto kRowsOfVerb = [] {
  std::array<Rows, static_cast<std::size_t>(With) + 1> rows{};
  for (std::uint8_t i = 0; i < std::size(kRules); ++i) {
    auto& of_verb = rows[static_cast<std::size_t>(kRules[i].head[0])];
    if (of_verb.end == 0) of_verb.begin = i;
    of_verb.end = i + 1;
  }
  return rows;
}();

// The first row that fits, or null.
const Rule* rule_of(const auto& head) {
  const auto verb = static_cast<std::size_t>(head[0]);
  if (verb >= kRowsOfVerb.size()) return nullptr;
  for (auto i = kRowsOfVerb[verb].begin; i < kRowsOfVerb[verb].end; ++i) {
    const auto& row = kRules[i].head;
    if (std::equal(row.begin(), std::ranges::find(row, Nothing), head.begin())) return &kRules[i];
  }
  return nullptr;
}

bool is_verb(Word word) { return word >= Abort && word <= With; }

constexpr auto kWordsOfSymbols = [] {
  std::array<Word, 256> words{};
  words.fill(Other);
  words['('] = Open;
  words[')'] = Close;
  words['*'] = Star;
  words['.'] = Dot;
  return words;
}();

}  // namespace

void EffectsReader::feed(std::string_view piece) {
  lexer_.feed(piece);
  for (Token token; lexer_.next(token);) take(token);
}

const SessionEffects& EffectsReader::finish() {
  for (Token token; lexer_.finish(token);) take(token);
  end_statement();
  if (lexer_.lost()) effects_.traits.add(Trait::Unsure);
  // Whatever was undone may have come back.
  const bool transactions =
      effects_.statements > 1 && (effects_.traits.bits & kTransactionTraits.bits) != 0;
  if (transactions || effects_.traits.has(Trait::Opaque) || effects_.traits.has(Trait::Unsure))
    effects_.undone = {};
  return effects_;
}

Word EffectsReader::word_of_token(const Token& token) {
  if (token.kind == TokenKind::Word) return word_of(token.text);
  if (token.kind == TokenKind::Symbol)
    return kWordsOfSymbols[static_cast<unsigned char>(token.symbol)];
  if (token.kind == TokenKind::Name) return quoted_word_of(token.text);
  if (token.kind == TokenKind::HiddenName) effects_.traits.add(Trait::Unsure);
  const bool literal = token.kind == TokenKind::String || token.kind == TokenKind::HiddenString;
  return literal ? Literal : Other;
}

void EffectsReader::take(const Token& token) {
  if (token.symbol == ';') return end_statement();
  const auto word = word_of_token(token);
  if (argument_ != Argument::None) take_argument(token, word);
  if (called_ != Nothing) {
    if (word == Open) call(called_);
    called_ = Nothing;
  }
  if (head_size_ == 0) return take_lead(word);
  if (setting_ != Setting::None) take_setting(token, word);
  if (head_size_ <= 2 && (is(Prepare) || is(Deallocate))) take_statement_name(token);
  if (head_size_ < kHeadMost) head_[head_size_++] = word;
  if (word >= Abort) take_word(word);
  before_that_ = before_;
  before_ = word;
}

// A statement may begin within parentheses; EXPLAIN, with or without options, precedes another.
void EffectsReader::take_lead(Word word) {
  if (word == Open || word == Close) {
    if (!explains_) return;
    if (word == Open) ++option_depth_;
    else if (option_depth_ > 0) --option_depth_;
    return;
  }
  if (option_depth_ > 0) return take_word(word);
  if (explains_ && (word == Analyze || word == Verbose)) return;
  if (effects_.statements < UINT8_MAX && !explains_) ++effects_.statements;
  const auto* row = std::ranges::find(kVerbs, word, &LeadVerb::word);
  if (effects_.verb == Verb::None)
    effects_.verb = row != std::end(kVerbs) ? row->verb : Verb::Other;
  if (word == Explain) {
    explains_ = true;
    return;
  }
  if (!is_verb(word)) effects_.traits.add(Trait::Opaque);
  head_[head_size_++] = before_ = word;
  updates_ = word == Update;
  if (word == Set || word == Reset) begin_setting(Scope::Session);
}

// What a word says wherever it stands.
void EffectsReader::take_word(Word word) {
  if (word >= kFirstFunction) called_ = word;
  else if (word == TempSchema) tie(Tie::TempObject);
  else if (word == PgSettings && updates_) effects_.traits.add(Trait::SetsUnknown);
  else if (word == Update) updates_ = true;
  else take_pair(word);
}

// What it says behind another.
void EffectsReader::take_pair(Word word) {
  const bool sorted_out = before_that_ == Insert || before_that_ == Merge;
  if (word == Temp) {
    const bool local = before_ == Local || before_ == Global;
    if ((before_ == Into && !sorted_out) || (local && before_that_ == Into)) tie(Tie::TempObject);
  } else if (word == Hold && before_ == With && is(Declare)) {
    tie(Tie::HoldCursor);
  } else if (word == Atomic && before_ == Begin && is(Create)) {
    // The statements of the body are taken for others of the text.
    effects_.traits.add(Trait::Unsure);
  } else if (word == Execute && before_ == As) {
    effects_.traits.add(Trait::Opaque);
  } else if (word == Drop && before_ == Commit && before_that_ == On) {
    drops_on_commit_ = true;
  }
}

// PREPARE name, DEALLOCATE [PREPARE] name.
void EffectsReader::take_statement_name(const Token& token) {
  const bool named = token.kind == TokenKind::Word || token.kind == TokenKind::Name;
  if (!named || (head_size_ == 2 && (is(Prepare) || head_[1] != Prepare))) return;
  name_ = {};
  name_.append(token.text);
  if (token.kind == TokenKind::Word) name_.fold();
}

void EffectsReader::call(Word function) {
  if (function == SetsConfig) {
    if (argument_ != Argument::None) end_set_config(Scope::Session);  // one within another
    argument_ = Argument::Name;
    argument_named_ = false;
    depth_ = 0;
    return;
  }
  if (function == SetsLimit) return set(Scope::Session, kLimitSetting);
  const auto* rule = std::ranges::find(kCalls, function, &CallRule::function);
  if (rule == std::end(kCalls)) return;
  tie(rule->ties);
  effects_.traits.add(rule->traits);
}

void EffectsReader::apply_rule() {
  if (is(Select) && std::ranges::find(kUnlockForms, head_) != std::end(kUnlockForms))
    effects_.undone.add(Tie::AdvisoryLock);
  const auto* rule = rule_of(head_);
  if (is(Deallocate) && rule == nullptr) add_name(NamedEffect::Kind::Deallocates, name_.view());
  if (rule == nullptr) return;
  if (is(Prepare) && rule->ties.has(Tie::Prepared))
    add_name(NamedEffect::Kind::Prepares, name_.view());
  const bool table = std::ranges::find(head_, Table) != head_.end();
  if (!(drops_on_commit_ && table)) tie(rule->ties);
  effects_.undone.add(rule->undone);
  effects_.traits.add(rule->traits);
}

void EffectsReader::end_statement() {
  if (argument_ != Argument::None) end_set_config(Scope::Session);
  if (setting_ == Setting::Name) end_setting(Nothing);
  if (head_size_ > 0) apply_rule();
  head_ = {};
  head_size_ = 0;
  before_ = before_that_ = called_ = Nothing;
  explains_ = updates_ = drops_on_commit_ = false;
  option_depth_ = 0;
  setting_ = Setting::None;
}

void EffectsReader::tie(BitSet<Tie> ties) {
  effects_.ties.add(ties);
  effects_.undone.remove(ties);
}

Reading read_effects(std::string_view sql, LexicalRules rules) {
  EffectsReader reader(rules);
  reader.feed(sql);
  const auto effects = reader.finish();
  return {.effects = effects, .names = reader.names()};
}

}  // namespace pgkeel::gateway::sql
