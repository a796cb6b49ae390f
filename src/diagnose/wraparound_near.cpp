// Old row versions were not frozen for so long that the server's transaction ids come to an end:
// some way before it refuses to write. What keeps vacuum from freezing them is named, as far as the
// server shows it.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/shell_words.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr std::string_view kSubject = "transaction_ids";
constexpr std::int64_t kOld = 1'500'000'000;
// Two thousand million is where even a server that was told to freeze late has begun long ago.
constexpr std::int64_t kLatest = 2'000'000'000;
constexpr std::int64_t kCritical = 1'900'000'000;
constexpr std::int64_t kEnd = std::int64_t{1} << 31U;
constexpr double kPastFreezing = 1.1;
constexpr double kHeld = 0.95;

// Twice what autovacuum freezes at means that it does not get there; a server that freezes late on
// purpose is given a little more than it asked for.
std::int64_t limit(const Case& the_case) {
  const auto freezes_at = the_case.seen.activity.freeze_max_age;
  auto age = kOld;
  if (freezes_at > 0) {
    age = std::min(2 * freezes_at, kOld);
    age = std::max(age, static_cast<std::int64_t>(kPastFreezing * static_cast<double>(freezes_at)));
  }
  age = std::min(age, kLatest);
  const bool open = the_case.known.open_subjects.contains(std::string(kSubject));
  return open ? static_cast<std::int64_t>(kHeld * static_cast<double>(age)) : age;
}

// What is as old as the oldest row version, and what to do about it.
struct Blocker {
  std::int64_t age = 0;
  std::string what;
  std::string remedy;
};

std::string literal(const std::string& text) { return pg::quote_literal(text).value_or("'...'"); }

Blocker oldest_blocker(const sense::ActivityFacts& activity) {
  Blocker oldest;
  const auto consider = [&oldest](Blocker candidate) {
    if (candidate.age > oldest.age) oldest = std::move(candidate);
  };
  for (const auto& prepared : activity.prepared)
    consider(
        {prepared.xmin_age,
         fmt::format("prepared transaction {} (role {}, database {}), prepared {} ago",
                     prepared.gid, prepared.owner, prepared.database,
                     humane_duration(prepared.prepared_for)),
         fmt::format("in database {}: rollback prepared {} (or commit prepared), whichever its "
                     "coordinator says",
                     prepared.database, literal(prepared.gid))});
  for (const auto& slot : activity.slots)
    consider({slot.xmin_age, fmt::format("replication slot {}", slot.name),
              fmt::format("bring its reader back, or: select pg_drop_replication_slot({})",
                          literal(slot.name))});
  for (const auto& open : activity.transactions)
    consider({open.xmin_age,
              fmt::format("the transaction of pid {} (role {}, application {}), open for {}",
                          open.pid, open.user, open.application, humane_duration(open.open_for)),
              fmt::format("select pg_terminate_backend({})", open.pid)});
  return oldest;
}

std::int64_t age_of(const sense::FreezeAge& age) {
  return std::max(age.transactions, age.multixacts);
}

// The oldest of those that are too old.
const sense::FreezeAge* oldest(const sense::ActivityFacts& activity, std::int64_t limit) {
  const sense::FreezeAge* found = nullptr;
  for (const auto& age : activity.freeze)
    if ((age.transactions > limit || age.multixacts > kOld) &&
        (found == nullptr || age_of(age) > age_of(*found)))
      found = &age;
  return found;
}

// A blocker younger than half of it is not what keeps the rows.
bool explains(const Blocker& blocker, std::int64_t age) { return blocker.age > age / 2; }

// Autovacuum freezes by itself, also where it is off (docs/adr/0006): what keeps it from it and is
// not among what the senses ask for is a lock it waits for, or a temporary table, which only its
// own session can vacuum.
std::string unseen_words(const std::string& database) {
  return fmt::format(
      "in database {}: whom autovacuum waits for: select a.pid, pg_blocking_pids(a.pid), a.query "
      "from pg_stat_activity a where a.backend_type = 'autovacuum worker' and a.wait_event_type = "
      "'Lock'; which table is the oldest, of a living session where it is temporary: select "
      "c.oid::regclass, age(c.relfrozenxid), c.relpersistence from pg_class c where c.relkind in "
      "('r', 't', 'm') order by 2 desc limit 5; end that session with pg_terminate_backend(), "
      "then: "
      "vacuumdb --freeze {}",
      database, dbname_option(database));
}

}  // namespace

std::vector<Finding> wraparound_near(const Case& the_case) {
  const auto& activity = the_case.seen.activity;
  if (!activity.fresh(the_case.now)) return {};
  const auto* found = oldest(activity, limit(the_case));
  if (found == nullptr) return {};
  const auto& worst = *found;
  const auto blocker = oldest_blocker(activity);
  const bool named = explains(blocker, worst.transactions);
  Finding finding;
  finding.cause = Cause::WraparoundNear;
  finding.subject = kSubject;
  finding.confidence = 0.95;
  finding.wait = true;
  if (age_of(worst) > kCritical) finding.severity = incident::Severity::Critical;
  finding.summary = fmt::format(
      "The oldest row of database {} is {} million transactions old; at {} million the server "
      "refuses to write. {}.",
      worst.database, age_of(worst) / 1'000'000, kEnd / 1'000'000,
      named ? "Vacuum is held up by " + blocker.what : "Nothing that can be seen holds vacuum up");
  finding.evidence.push_back(evidence(
      the_case, "catalog",
      fmt::format("{}: age(datfrozenxid) {}, mxid_age(datminmxid) {}, autovacuum_freeze_max_age {}",
                  worst.database, worst.transactions, worst.multixacts, activity.freeze_max_age)));
  if (named)
    finding.evidence.push_back(evidence(
        the_case, "activity", fmt::format("{}, {} transactions old", blocker.what, blocker.age)));
  finding.hint = named ? fmt::format(
                             "{}; autovacuum then freezes by itself; at once: vacuumdb "
                             "--freeze {}",
                             blocker.remedy, dbname_option(worst.database))
                       : unseen_words(worst.database);
  return {finding};
}

}  // namespace pgkeel::diagnose
