// `pgkeel undrop` as a job of the guard: a process in a session of its own that outlives the guard,
// because a restore half done is worth finishing. It knows its own work again, so the next guard
// simply asks for it anew: it waits for one that still runs, finishes what one left, or says it is
// done.
// It refuses to keep the guard busy while the server needs it: then the job goes on alone and the
// step is tried again later.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// Set for the job, and for no other child of the guard's: the incident it is run for.
inline constexpr const char* kUndropJobVariable = "PGKEEL_UNDROP_JOB";

struct UndropDone {
  std::int64_t rows = 0;
  std::vector<std::string> relations;  ///< "public.orders", those that came with it included
  std::vector<std::string> notes;      ///< what could not be brought back
  std::string lsn;
  std::string backup;
  bool from_shadow = false;  ///< instead of the backup
  bool exact = false;        ///< as it was right before it was destroyed
  [[nodiscard]] std::string describe() const;
};

inline constexpr std::string_view kUndropLatest = "latest";  ///< the shadow may have it then

/// What a job brings back: a dropped thing under its own name, or one that is there under another.
struct UndropOrder {
  std::string subject;  ///< "shop.public.orders", or a database
  std::string as;       ///< its other name; empty: its own
  std::string moment;   ///< of the WAL; or kUndropLatest
};
using AfterUndrop = Result<void> (*)(StepContext&, const UndropDone&);
/// Runs it as below; on success `after` tells the ledger what is there again.
runtime::Task<StepResult> run_undrop(StepContext* context, UndropOrder order, AfterUndrop after);

/// "pgkeel undrop shop.public.orders --at 0/3000200".
[[nodiscard]] std::string describe_undrop(const StepContext& context);
/// Brings the finding's subject back; on success `after` tells the ledger and words the result.
runtime::Task<StepResult> undrop_subject(StepContext* context, AfterUndrop after);

/// Pure: the last line of what the job wrote.
[[nodiscard]] Result<UndropDone> read_undrop(std::string_view output);

}  // namespace pgkeel::recover
