// The policy as a table: exact codes first, then two-character classes. What is in neither is
// Never.
#include "pg/sqlstate.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pgkeel::pg {
namespace {

struct PolicyRow {
  std::string_view code;  ///< five characters, or the two of a class
  SqlstatePolicy policy;
};

using enum SqlstateClass;
using Retry = SqlstateRetry;
using Fate = ConnectionFate;
using Effect = TransactionEffect;

constexpr SqlstatePolicy kDefiniteRollback{DefiniteRollback, Retry::Yes, Fate::Keep,
                                           Effect::NotApplied};
constexpr SqlstatePolicy kMaybeRollback{MaybeRollback, Retry::OptIn, Fate::Keep,
                                        Effect::NotApplied};
constexpr SqlstatePolicy kNothingExecuted{NothingExecuted, Retry::Yes, Fate::NextHost,
                                          Effect::NotApplied};
constexpr SqlstatePolicy kSessionKilled{SessionKilled, Retry::IfCommitUnsent, Fate::Evict,
                                        Effect::UnknownIfCommitSent};
constexpr SqlstatePolicy kLockWait{LockWait, Retry::Yes, Fate::Keep, Effect::NotApplied};
constexpr SqlstatePolicy kWrongNode{WrongNode, Retry::Yes, Fate::NextHost, Effect::NotApplied};
constexpr SqlstatePolicy kStalePlan{StalePlan, Retry::OncePrepared, Fate::Keep, Effect::NotApplied};
constexpr SqlstatePolicy kAmbiguous{Ambiguous, Retry::No, Fate::Evict, Effect::Unknown};
constexpr SqlstatePolicy kResource{Resource, Retry::OptIn, Fate::Keep, Effect::NotApplied};
constexpr SqlstatePolicy kNever{Never, Retry::No, Fate::Keep, Effect::NotApplied};
constexpr SqlstatePolicy kNeverAgainHere{Never, Retry::No, Fate::Evict, Effect::NotApplied};
constexpr SqlstatePolicy kBrokenProtocol{Never, Retry::No, Fate::Evict,
                                         Effect::UnknownIfCommitSent};
constexpr SqlstatePolicy kSuccess{Success, Retry::No, Fate::Keep, Effect::Unknown};

constexpr auto kPolicies = std::to_array<PolicyRow>({
    {"40001", kDefiniteRollback},
    {"40P01", kDefiniteRollback},
    {"23505", kMaybeRollback},
    {"23P01", kMaybeRollback},
    {"57P03", kNothingExecuted},
    {"53300", kNothingExecuted},
    {"08001", kNothingExecuted},
    {"08004", kNothingExecuted},
    {"57P01", kSessionKilled},
    {"57P02", kSessionKilled},
    {"57P05", kSessionKilled},
    {"25P03", kSessionKilled},
    {"25P04", kSessionKilled},  // transaction_timeout, since 17
    {"08000", kSessionKilled},
    {"08003", kSessionKilled},
    {"08006", kSessionKilled},
    {"55P03", kLockWait},
    {"25006", kWrongNode},
    {"26000", kStalePlan},
    {"0A000", kStalePlan},  // a cached plan; without a prepared statement nothing is retried
    {"08007", kAmbiguous},
    {"40003", kAmbiguous},
    {"58000", kResource},
    {"58030", kResource},
    {"55000", kResource},
    {"55006", kResource},
    {"57P04", kNeverAgainHere},  // the session's database was dropped
    {"53", kResource},
    {"08", kBrokenProtocol},
    {"28", kNeverAgainHere},
    {"00", kSuccess},
    {"01", kSuccess},
    {"02", kSuccess},
});

constexpr std::size_t kSqlstateLength = 5;

struct NameRow {
  std::string_view code;
  std::string_view name;
};
constexpr auto kNames = std::to_array<NameRow>({
#define PGKEEL_SQLSTATE(code, name) {code, name},
#include "pg/sqlstate_names.inc"
#undef PGKEEL_SQLSTATE
});
static_assert(std::ranges::is_sorted(kNames, {}, &NameRow::code), "searched by halves");

constexpr auto kClassNames = std::to_array<std::string_view>({
    "success",
    "definite_rollback",
    "maybe_rollback",
    "nothing_executed",
    "session_killed",
    "lock_wait",
    "wrong_node",
    "stale_plan",
    "ambiguous",
    "resource",
    "never",
});

const PolicyRow* find_policy(std::string_view code) {
  const auto* found = std::ranges::find(kPolicies, code, &PolicyRow::code);
  return found == kPolicies.end() ? nullptr : found;
}

}  // namespace

std::string_view to_string(SqlstateClass kind) { return kClassNames.at(std::to_underlying(kind)); }

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

SqlstatePolicy sqlstate_policy(std::string_view sqlstate) {
  if (sqlstate.empty()) return kSessionKilled;
  if (!is_sqlstate(sqlstate)) return kNever;
  if (const auto* exact = find_policy(sqlstate)) return exact->policy;
  if (const auto* by_class = find_policy(sqlstate.substr(0, 2))) return by_class->policy;
  return kNever;
}

std::string_view sqlstate_name(std::string_view sqlstate) {
  if (sqlstate.size() != kSqlstateLength) return {};
  const auto* found = std::ranges::lower_bound(kNames, sqlstate, {}, &NameRow::code);
  return found != kNames.end() && found->code == sqlstate ? found->name : std::string_view();
}

}  // namespace pgkeel::pg
