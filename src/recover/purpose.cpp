// See purpose.hpp.
#include "recover/purpose.hpp"

#include "runtime/proc.hpp"

namespace pgkeel::recover {
namespace {

constexpr std::string_view kFact = "stopped_on_purpose";  // the id of the boot it was in

}  // namespace

Result<bool> stopped_on_purpose(const incident::Ledger& ledger) {
  TRY(boot, ledger.fact(kFact));
  return !boot.empty() && boot == runtime::boot_id();
}

Result<void> keep_stop_on_purpose(incident::Ledger& ledger, bool stopped) {
  return ledger.set_fact(kFact, stopped ? runtime::boot_id() : std::string());
}

}  // namespace pgkeel::recover
