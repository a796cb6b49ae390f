// The settings a text names: SET in its many forms, RESET, set_config(). Follows VariableSetStmt
// and VariableResetStmt of gram.y, where SESSION and LOCAL, too, may be the begin of a name.
#include <algorithm>
#include <span>

#include "gateway/sql/byte_class.hpp"
#include "gateway/sql/session_effects.hpp"

namespace pgkeel::gateway::sql {
namespace {

// In no statement do more tokens stand before the value: SET SESSION a.b.c = 1.
constexpr std::uint8_t kSettingTokensMost = 12;
constexpr std::string_view kTempSchemaText = "pg_temp";
constexpr std::string_view kSearchPath = "search_path";

// SET without "=" or TO; the second word may be anything where it is Nothing. Those with no names
// are of the transaction.
struct SpecialForm {
  Word first;
  Word second;
  std::array<std::string_view, 3> names = {};
};
constexpr std::array<std::string_view, 3> kAuthorization = {"session_authorization", "role"};
constexpr std::array<std::string_view, 3> kCharacteristics = {"default_transaction_isolation",
                                                              "default_transaction_read_only",
                                                              "default_transaction_deferrable"};
constexpr SpecialForm kSpecialForms[] = {
    {Word::Time, Word::Zone, {"timezone"}},
    {Word::Names, Word::Nothing, {"client_encoding"}},
    {Word::Role, Word::Nothing, {"role"}},
    {Word::Schema, Word::Nothing, {kSearchPath}},
    {Word::Xml, Word::Nothing, {"xmloption"}},
    {Word::Session, Word::Authorization, kAuthorization},
    {Word::Authorization, Word::Nothing, kAuthorization},
    {Word::Session, Word::Characteristics, kCharacteristics},
    {Word::Characteristics, Word::Nothing, kCharacteristics},
    {Word::Transaction, Word::Nothing},
    {Word::Constraints, Word::Nothing},
};

bool mentions_temp_schema(std::string_view text) {
  return !std::ranges::search(text, kTempSchemaText, {}, to_lower).empty();
}

// A search path may name the role ("$user").
bool moves_path(std::string_view setting) {
  return setting == kSearchPath ||
         std::ranges::find(kAuthorization, setting) != kAuthorization.end();
}

bool is_string(const Token& token) {
  return token.kind == TokenKind::String || token.kind == TokenKind::HiddenString;
}

}  // namespace

void EffectsReader::BoundedText::append(std::string_view text) {
  const auto taken = std::min<std::size_t>(text.size(), kNameMost - size);
  std::copy_n(text.begin(), taken, bytes.begin() + size);
  size = static_cast<std::uint8_t>(size + taken);
  whole = whole && taken == text.size();
}

void EffectsReader::BoundedText::fold() {
  for (auto& byte : std::span(bytes).first(size)) byte = to_lower(byte);
}

void EffectsReader::begin_setting(Scope scope) {
  setting_ = Setting::Name;
  scope_ = scope;
  setting_tokens_ = 0;
  setting_words_ = {};
  well_formed_ = true;
  name_ = {};
}

void EffectsReader::take_setting(const Token& token, Word word) {
  if (setting_ == Setting::Value) {
    if (word == Word::Default && is(Word::Set) && scope_ == Scope::Session)
      add_name(NamedEffect::Kind::Resets, name_.view());
    return check_value(token, name_.view());
  }
  const bool assigns = word == Word::To || token.symbol == '=';
  // SET LOCAL x and SET SESSION x, but not SET LOCAL.x and SET SESSION = x.
  const bool scoped = is(Word::Set) && head_size_ == 2 && !assigns && word != Word::Dot;
  if (scoped && before_ == Word::Local) begin_setting(Scope::Transaction);
  if (scoped && before_ == Word::Session) begin_setting(Scope::Session);
  if (assigns) return end_setting(Word::To);
  if (is_string(token)) {
    end_setting(Word::Literal);
    return check_value(token, name_.view());
  }
  const bool dot_wanted = setting_tokens_ % 2 == 1;
  const bool name = token.kind == TokenKind::Word || token.kind == TokenKind::Name;
  well_formed_ = well_formed_ && (dot_wanted ? word == Word::Dot : name);
  name_.append(name ? token.text : std::string_view("."));
  if (setting_tokens_ < setting_words_.size()) setting_words_[setting_tokens_] = word;
  if (++setting_tokens_ == kSettingTokensMost) end_setting(Word::Nothing);
}

// `by`: To, a Literal, or Nothing: the end of the statement.
void EffectsReader::end_setting(Word by) {
  setting_ = Setting::Value;
  name_.fold();
  if (is(Word::Reset)) return end_reset();
  if (by != Word::To) return end_special_setting();
  if (well_formed_ && name_.whole && setting_tokens_ > 0) set(scope_, name_.view());
  else set_unknown(scope_);
}

void EffectsReader::end_special_setting() {
  const auto* form = std::ranges::find_if(kSpecialForms, [&](const SpecialForm& candidate) {
    return candidate.first == setting_words_[0] &&
           (candidate.second == Word::Nothing || candidate.second == setting_words_[1]);
  });
  if (form == std::end(kSpecialForms)) return set_unknown(scope_);
  name_ = {};
  name_.append(form->names[0]);
  for (const auto& name : form->names)
    if (!name.empty()) set(scope_, name);
  if (setting_words_ == std::array{Word::Authorization, Word::Default})
    effects_.undone.add(Tie::Authorization);
}

void EffectsReader::end_reset() {
  const auto& words = setting_words_;
  if (words[0] == Word::All && setting_tokens_ == 1) {
    effects_.traits.add(Trait::ResetsAll);
  } else if (words == std::array{Word::Session, Word::Authorization}) {
    for (const auto& name : kAuthorization)
      if (!name.empty()) add_name(NamedEffect::Kind::Resets, name);
    effects_.undone.add(Tie::Authorization);
  } else if (words == std::array{Word::Time, Word::Zone}) {
    add_name(NamedEffect::Kind::Resets, "timezone");
  } else if (well_formed_ && name_.whole && setting_tokens_ > 0) {
    add_name(NamedEffect::Kind::Resets, name_.view());
  } else if (words[0] != Word::Transaction) {
    set_unknown(Scope::Session);
  }
}

void EffectsReader::take_argument(const Token& token, Word word) {
  const bool outermost = depth_ == 0;
  if (word == Word::Open) ++depth_;
  if (word == Word::Close && outermost)
    return end_set_config(argument_ == Argument::IsTrue ? Scope::Transaction : Scope::Session);
  if (word == Word::Close) --depth_;
  const bool comma = outermost && token.symbol == ',';
  switch (argument_) {
    case Argument::Name:
      argument_name_ = {};
      argument_name_.append(token.kind == TokenKind::String ? token.text : std::string_view());
      argument_name_.fold();
      argument_named_ = token.kind == TokenKind::String && argument_name_.whole;
      argument_ = Argument::BehindName;
      break;
    case Argument::BehindName:
      // A cast to text changes nothing; whatever else may be another name.
      if (comma) argument_ = Argument::Value;
      else if (token.symbol != ':' && token.text != "text") argument_named_ = false;
      break;
    case Argument::Value:
      if (comma) argument_ = Argument::IsLocal;
      else check_value(token, argument_named_ ? argument_name_.view() : kSearchPath);
      break;
    case Argument::IsLocal:
      argument_ = word == Word::True ? Argument::IsTrue : Argument::Rest;
      break;
    case Argument::IsTrue: argument_ = Argument::Rest; break;
    case Argument::Rest:
    case Argument::None: break;
  }
}

void EffectsReader::end_set_config(Scope scope) {
  argument_ = Argument::None;
  if (argument_named_) set(scope, argument_name_.view());
  else set_unknown(scope);
}

// A search path that begins with pg_temp makes temporary what names no schema.
void EffectsReader::check_value(const Token& token, std::string_view setting) {
  if (token.kind == TokenKind::String && mentions_temp_schema(token.text)) tie(Tie::TempObject);
  if (token.kind == TokenKind::HiddenString && setting == kSearchPath)
    effects_.traits.add(Trait::Unsure);
}

void EffectsReader::set(Scope scope, std::string_view name) {
  // Neither comes back by itself.
  if (name == "seed") tie(Tie::Seed);
  if (moves_path(name)) effects_.traits.add(Trait::MovesPath);
  if (scope == Scope::Transaction) {
    effects_.traits.add(Trait::SetsLocally);
    return;
  }
  if (name == kAuthorization[0]) tie(Tie::Authorization);
  add_name(NamedEffect::Kind::Sets, name);
}

void EffectsReader::set_unknown(Scope scope) {
  effects_.traits.add(scope == Scope::Session ? Trait::SetsUnknown : Trait::SetsLocally);
  effects_.traits.add(Trait::MovesPath);
}

void EffectsReader::add_name(NamedEffect::Kind kind, std::string_view name) {
  const bool setting = kind == NamedEffect::Kind::Sets || kind == NamedEffect::Kind::Resets;
  if (setting) effects_.traits.add(Trait::Sets);
  if (setting && moves_path(name)) effects_.traits.add(Trait::MovesPath);
  const NamedEffect named{kind, std::string(name)};
  if (setting && std::ranges::find(names_, named) != names_.end()) return;
  if (names_.size() < kNamesMost) names_.push_back(named);
  else effects_.traits.add(setting ? Trait::SetsUnknown | Trait::MovesPath : Trait::Unsure);
}

}  // namespace pgkeel::gateway::sql
