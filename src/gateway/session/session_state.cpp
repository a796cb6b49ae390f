// See session_state.hpp.
#include "gateway/session/session_state.hpp"

#include <algorithm>

#include "gateway/sql/byte_class.hpp"

namespace pgkeel::gateway {
namespace {

using sql::Trait;

constexpr auto kSettings = Trait::Sets | Trait::ResetsAll | Trait::SetsUnknown;
constexpr auto kOfDiscardAll = sql::Tie::Listen | sql::Tie::TempObject |
                               sql::BitSet(sql::Tie::Prepared) |
                               sql::BitSet(sql::Tie::AdvisoryLock);
constexpr auto kRollsBack = Trait::RollsBack | Trait::RollsBackTo;

// Of forms of SET that may be resets: SET TIME ZONE LOCAL, SET NAMES, SET ROLE NONE.
constexpr std::string_view kOtherForms[] = {"timezone", "client_encoding", "role", "xmloption"};

bool any_of(sql::BitSet<Trait> traits, sql::BitSet<Trait> of) {
  return (traits.bits & of.bits) != 0;
}

}  // namespace

void SessionState::says(const sql::Reading& reading) {
  const auto& effects = reading.effects;
  for (const auto& effect : reading.names) says(effect);
  ties_.add(effects.ties);
  undone_.remove(effects.ties).add(effects.undone);
  const auto settings = effects.traits.bits & kSettings.bits;
  if (effects.statements == 1 && settings == sql::BitSet(Trait::ResetsAll).bits &&
      (effects.undone.bits & kOfDiscardAll.bits) == kOfDiscardAll.bits) {
    discards_ = true;
    return;
  }
  rolls_back_ = rolls_back_ || any_of(effects.traits, kRollsBack);
  if (any_of(effects.traits, kSettings)) touches(reading);
  unknown_ = unknown_ || effects.traits.has(Trait::SetsUnknown);
  path_moved_ = path_moved_ || any_of(effects.traits, Trait::MovesPath | Trait::ResetsAll);
  stuck_ = stuck_ || effects.traits.has(Trait::Unsure);
}

void SessionState::says(const sql::NamedEffect& effect) {
  using Kind = sql::NamedEffect::Kind;
  if (effect.kind == Kind::Prepares) {
    if (prepared_.size() <= kPreparedMost) prepared_.push_back(effect.name);
    return;
  }
  if (effect.kind != Kind::Sets && effect.kind != Kind::Resets) return;
  // What is said behind it, before the server has told of it, may be read wrongly.
  if (effect.name == "standard_conforming_strings") stuck_ = true;
  if (!effect.name.contains('.')) return;
  const bool ascii = std::ranges::none_of(effect.name, sql::is_high);
  if (ascii && placeholders_.size() < kPlaceholdersMost) placeholders_.push_back(effect.name);
  else unknown_ = true;
}

// A SET by itself is known by its name. What set_config() is given may be NULL, and then it resets.
void SessionState::touches(const sql::Reading& reading) {
  touched_ = true;
  discards_ = false;
  const auto& [effects, names] = reading;
  const bool plain = effects.statements == 1 && effects.verb == sql::Verb::Other &&
                     effects.traits.has(Trait::Sets) && names.size() == 1 &&
                     names[0].kind == sql::NamedEffect::Kind::Sets &&
                     std::ranges::find(kOtherForms, names[0].name) == std::end(kOtherForms);
  if (!plain || set_.size() >= kOnlySetMost) any_set_ = true;
  else if (std::ranges::find(set_, names[0].name) == set_.end()) set_.push_back(names[0].name);
}

void SessionState::settings_read() {
  touched_ = path_moved_ = any_set_ = false;
  placeholders_.clear();
  set_.clear();
}

bool SessionState::prepared_by_sql(std::string_view name) const {
  return prepared_.size() > kPreparedMost || std::ranges::find(prepared_, name) != prepared_.end();
}

void SessionState::transaction_over() {
  any_set_ = any_set_ || (touched_ && (failed_ || rolls_back_));
  if (!failed_) {
    if (discards_) touched_ = unknown_ = false;
    if (rolls_back_) undone_.remove(sql::kTransactionalTies);
    ties_.remove(undone_);
  }
  if (!ties_.has(sql::Tie::Prepared)) prepared_.clear();
  if (!touched_) settings_read();
  undone_ = {};
  rolls_back_ = failed_ = discards_ = false;
}

}  // namespace pgkeel::gateway
