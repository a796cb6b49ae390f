// See session_state.hpp.
#include "gateway/session/session_state.hpp"

namespace pgkeel::gateway {
namespace {

using sql::Trait;

constexpr auto kSettings = Trait::Sets | Trait::ResetsAll | Trait::SetsUnknown;
constexpr auto kOfDiscardAll = sql::Tie::Listen | sql::Tie::TempObject |
                               sql::BitSet(sql::Tie::Prepared) |
                               sql::BitSet(sql::Tie::AdvisoryLock);
constexpr auto kRollsBack = Trait::RollsBack | Trait::RollsBackTo;

bool any_of(sql::BitSet<Trait> traits, sql::BitSet<Trait> of) {
  return (traits.bits & of.bits) != 0;
}

}  // namespace

void SessionState::says(const sql::Reading& reading) {
  const auto& effects = reading.effects;
  ties_.add(effects.ties);
  undone_.remove(effects.ties).add(effects.undone);
  const auto settings = effects.traits.bits & kSettings.bits;
  if (effects.statements == 1 && settings == sql::BitSet(Trait::ResetsAll).bits &&
      (effects.undone.bits & kOfDiscardAll.bits) == kOfDiscardAll.bits) {
    discards_ = true;
    return;
  }
  rolls_back_ = rolls_back_ || any_of(effects.traits, kRollsBack);
  if (any_of(effects.traits, kSettings)) {
    touched_ = true;
    discards_ = false;
  }
  stuck_ = stuck_ || effects.traits.has(Trait::Unsure);
}

void SessionState::transaction_over() {
  if (!failed_) {
    if (discards_) touched_ = false;
    if (rolls_back_) undone_.remove(sql::kTransactionalTies);
    ties_.remove(undone_);
  }
  undone_ = {};
  rolls_back_ = failed_ = discards_ = false;
}

}  // namespace pgkeel::gateway
