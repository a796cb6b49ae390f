// How each fault of the contract is to end under a guard that acts: repaired by it, or rightly left
// to a person, who then does what the incident tells. One line of the table in repairs.cpp a fault.
#pragma once

#include <span>
#include <string_view>

#include "chaos/accuracy/site.hpp"

namespace pgkeel::chaos {

enum class Ends {
  Repaired,     ///< by the guard alone
  LeftToHuman,  ///< named and explained, nothing is done
  Either,       ///< as it comes: what the guard repairs may come again at once
};

struct Repair {
  std::string_view fault;
  Ends ends = Ends::Repaired;
  std::string_view by_hand = {};        ///< what the person does, in words
  void (*do_it)(Site& site) = nullptr;  ///< and does it; throws when it cannot be done
  bool told_on = false;                 ///< the incident stays for a day, whatever is done
};

[[nodiscard]] std::span<const Repair> repairs();
[[nodiscard]] const Repair& repair_of(std::string_view fault);

}  // namespace pgkeel::chaos
