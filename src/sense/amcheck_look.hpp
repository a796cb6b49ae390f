// amcheck on request: every B-tree compared with its table (bt_index_check with heapallindexed),
// every table's pages read (verify_heapam, 14 and later), in the databases where the extension is.
// It guarantees: no extension is created, nothing is changed or locked against writers; one object
// never takes longer than what is left of the time, also when we are killed; the smallest go first;
// what was not looked at in a database it was given is counted. It reads every page of what it
// checks: that is why it is never done unasked.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sense/board.hpp"

namespace pgkeel::sense {

struct Damage {
  std::string database;
  std::string relation;  ///< quoted as needed: shop."Orders"
  bool index = false;
  std::string text;  ///< the server's words
};

/// Of one database.
struct AmcheckPart {
  std::string database;
  std::string unavailable;  ///< why nothing was checked, and what would help
  int checked = 0;
  int skipped = 0;  ///< locked, gone meanwhile, no time left, refused, beyond kAmcheckObjectsMax
  std::string why_skipped;
};

struct AmcheckFacts {
  std::vector<AmcheckPart> parts;
  std::vector<Damage> damage;
};

/// Called before each object: how many are done, of how many, which one comes.
using AmcheckProgress =
    std::function<void(std::size_t done, std::size_t all, const std::string& relation)>;

inline constexpr std::size_t kAmcheckObjectsMax = 10'000;  // of a database
inline constexpr std::size_t kDamageMax = 50;

runtime::Task<AmcheckFacts> run_amcheck(Board* board, std::vector<std::string> databases,
                                        SteadyTime deadline, const AmcheckProgress* progress,
                                        std::size_t objects_most = kAmcheckObjectsMax);

}  // namespace pgkeel::sense
