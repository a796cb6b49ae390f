// What people call it when the gate holds: which tables of which database lost what.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::shadow {

enum class Loss { Dropped, Truncated, Deleted, Updated };
[[nodiscard]] std::string_view to_string(Loss loss);  ///< "dropped"
[[nodiscard]] std::optional<Loss> parse_loss(std::string_view name);

struct LostRelation {
  std::string schema;
  std::string name;
  Loss loss = Loss::Dropped;
  std::int64_t rows = 0;    ///< that went, as far as statistics tell
  std::uint64_t bytes = 0;  ///< of the table alone, as far as statistics tell
  bool again = false;       ///< another relation has the name
  bool back = false;        ///< an undrop brought it back
};

struct Destruction {
  std::string database;
  bool whole = false;  ///< the database itself was dropped
  std::vector<LostRelation> relations;

  /// Whether nothing of it is lost any more.
  [[nodiscard]] bool all_back() const;
  /// "shop", "shop.public.orders dropped and 2 more".
  [[nodiscard]] std::string describe() const;
  /// The relation of it by that name; null when it is none.
  [[nodiscard]] const LostRelation* find(std::string_view schema, std::string_view name) const;
};

}  // namespace pgkeel::shadow
