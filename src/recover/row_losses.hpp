// Which tables lost their rows and stayed, kept in the ledger so that the next guard, and doctor,
// know it too: until the rows are back, the table is gone, or an operator said it was meant. Such a
// table's rows may go again without a word.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "diagnose/known.hpp"
#include "incident/ledger.hpp"
#include "sense/observation.hpp"

namespace pgkeel::recover {

/// So many are remembered; the oldest goes for a newer one.
inline constexpr std::size_t kLostRowsKept = 2'000;

/// Into known.lost_rows and known.may_lose_rows.
Result<void> load_row_losses(const incident::Ledger& ledger, diagnose::Known& known);

/// Takes over what the catalog watch notices, each loss once.
class RowLossBook {
 public:
  /// Also forgets what is over. True when anything changed and is to be kept.
  [[nodiscard]] bool follow(const sense::Observation& seen, SteadyTime now, WallTime wall,
                            diagnose::Known& known);

 private:
  bool take_over(const std::string& database, const sense::RelationListing& listing, SteadyTime now,
                 WallTime wall, diagnose::Known& known);

  std::map<std::pair<std::string, std::uint32_t>, SteadyTime> taken_;
};
Result<void> keep_row_losses(incident::Ledger& ledger, const diagnose::Known& known);

/// The operator's word that it was meant. False when no such loss is known.
Result<bool> accept_row_loss(incident::Ledger& ledger, const std::string& subject,
                             std::string_view who, diagnose::Known& known);

/// Ends the loss when of the rows there were nine tenths are there again, by the word of who
/// counted them where they are: the server's statistics may still tell of before.
Result<void> end_row_loss(incident::Ledger& ledger, const std::string& subject,
                          std::int64_t rows_there, diagnose::Known& known);

}  // namespace pgkeel::recover
