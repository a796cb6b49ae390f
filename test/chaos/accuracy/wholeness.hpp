// What a server held before anything was injected and what it holds afterwards: every row of every
// table but the writer's, and every definition. Read over plain SQL, independent of the guard.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "chaos/accuracy/site.hpp"

namespace pgkeel::chaos {

class Wholeness {
 public:
  /// Of all databases clients may connect to. Throws when the server cannot be asked.
  [[nodiscard]] static Wholeness of(Site& site);
  /// What was there before and is missing or other now, in words; empty: nothing is damaged.
  /// A table that could not be read before, or was empty, is not compared; what is new is no
  /// damage.
  [[nodiscard]] std::vector<std::string> damage_in(const Wholeness& after) const;

 private:
  /// From "shop: rows of public.orders" to a digest; empty: it could not be read.
  std::map<std::string, std::string> digests_;
};

}  // namespace pgkeel::chaos
