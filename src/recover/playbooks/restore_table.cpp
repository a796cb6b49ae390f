// A dropped table comes back from the archive with its rows, as of the last moment the guard saw
// it. What belonged to it (partitions, a whole schema) comes in the same transaction and ends their
// incidents, too.
#include "recover/playbooks/undrop_job.hpp"

namespace pgkeel::recover {
namespace {

// From here on the new tables are the known ones.
Result<void> know_them_anew(StepContext& context, const UndropDone& done) {
  auto& ledger = context.services.ledger;
  const auto& subject = context.finding.subject;
  const auto database = subject.substr(0, subject.find('.'));
  for (const auto& relation : done.relations) {
    const auto forgotten = ledger.forget_relation(
        database, relation, "pgkeel: restored in incident " + context.incident);
    if (!forgotten && forgotten.error().code != ErrorCode::NotFound) return fail(forgotten.error());
  }
  return {};
}

runtime::Task<StepResult> restore(StepContext* context) {
  auto result = co_await undrop_subject(context, know_them_anew);
  co_return result;
}

constexpr Step kSteps[] = {{"restore_table",
                            describe_undrop,
                            restore,
                            Effect::Reversible,
                            "drop the table again and say 'pgkeel undrop forget'",
                            {&kServerAnswers, &kTakesWrites}}};

}  // namespace

const Playbook kRestoreTable{"restore_table",
                             "Bring a dropped table back with its rows, from the archive.", kSteps,
                             "the table is in the catalog, with as many rows as its copy"};

}  // namespace pgkeel::recover
