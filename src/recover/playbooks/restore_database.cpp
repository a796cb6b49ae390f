// A dropped database comes back from the archive with its rows, as of the last moment the guard saw
// it: built under another name, renamed when complete.
#include "recover/playbooks/undrop_job.hpp"

namespace pgkeel::recover {
namespace {

// From here on the new database is the known one.
Result<void> know_it_anew(StepContext& context, const UndropDone&) {
  const auto forgotten = context.services.ledger.forget_database(
      context.finding.subject, "pgkeel: restored in incident " + context.incident);
  if (!forgotten && forgotten.error().code != ErrorCode::NotFound) return fail(forgotten.error());
  return {};
}

runtime::Task<StepResult> restore(StepContext* context) {
  auto result = co_await undrop_subject(context, know_it_anew);
  co_return result;
}

constexpr Step kSteps[] = {{"restore_database",
                            describe_undrop,
                            restore,
                            Effect::Reversible,
                            "drop the database again and say 'pgkeel undrop forget'",
                            {&kServerAnswers, &kTakesWrites}}};

}  // namespace

const Playbook kRestoreDatabase{
    "restore_database", "Bring a dropped database back with its rows, from the archive.", kSteps,
    "the database and its tables are in the catalog, with as many rows as their copy"};

}  // namespace pgkeel::recover
