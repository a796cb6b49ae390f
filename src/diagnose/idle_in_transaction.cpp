// A session has a transaction open, does nothing in it, and others pay for it: they wait for locks
// it holds, or no dead row since its beginning can be removed. Idle alone, for as long as it likes,
// is no finding.
#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

using sense::OpenTransaction;

constexpr std::string_view kSubject = "transactions.idle";
// So many transactions' dead rows are kept for it that tables grow to be felt.
constexpr std::int64_t kXminAgeMax = 1'000'000;
constexpr std::size_t kNamed = 5;

bool costs_others(const Case& the_case, const OpenTransaction& transaction) {
  return transaction.blocking_looks >= the_case.known.confirm || transaction.xmin_age > kXminAgeMax;
}

bool offends(const Case& the_case, const OpenTransaction& transaction) {
  return transaction.state.starts_with("idle in transaction") &&
         transaction.in_state_for >= the_case.known.idle_in_transaction &&
         costs_others(the_case, transaction);
}

std::string words(const OpenTransaction& transaction) {
  auto text = fmt::format(
      "pid {} (role {}, application {}, database {}) is idle in a transaction for {}, open for {}",
      transaction.pid, transaction.user,
      transaction.application.empty() ? "unnamed" : transaction.application.c_str(),
      transaction.database, humane_duration(transaction.in_state_for),
      humane_duration(transaction.open_for));
  if (transaction.blocks > 0)
    text += fmt::format("; {} {} for it: {}", transaction.blocks,
                        transaction.blocks == 1 ? "session waits" : "sessions wait",
                        transaction.waiting);
  if (transaction.xmin_age > kXminAgeMax)
    text += fmt::format("; dead rows of {} transactions are kept for it", transaction.xmin_age);
  return text;
}

// Whom most wait for; among equals the oldest.
const OpenTransaction* worst_of(const Case& the_case) {
  const OpenTransaction* worst = nullptr;
  for (const auto& transaction : the_case.seen.activity.transactions)
    if (offends(the_case, transaction) && (worst == nullptr || transaction.blocks > worst->blocks))
      worst = &transaction;
  return worst;
}

}  // namespace

std::vector<Finding> idle_in_transaction(const Case& the_case) {
  const auto& activity = the_case.seen.activity;
  if (!activity.fresh(the_case.now)) return {};
  const auto* worst = worst_of(the_case);
  if (worst == nullptr) return {};
  Finding finding;
  finding.cause = Cause::IdleInTransaction;
  finding.subject = kSubject;
  finding.confidence = 0.95;
  finding.summary = fmt::format("A session holds others up: {}.", words(*worst));
  for (const auto& transaction : activity.transactions)
    if (offends(the_case, transaction) && finding.evidence.size() < kNamed)
      finding.evidence.push_back(evidence(the_case, "sessions", words(transaction)));
  finding.hint = fmt::format(
      "end it with: select pg_terminate_backend({}); its transaction is rolled back. The guard "
      "does "
      "it after recover.idle_in_transaction, but for a superuser's. So that the server does it: "
      "idle_in_transaction_session_timeout",
      worst->pid);
  return {finding};
}

}  // namespace pgkeel::diagnose
