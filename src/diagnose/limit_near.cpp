// A limit of the plan ([limits]) is nearly or wholly used up: storage, connections. Providers cut a
// database off (read-only, or no more logins) when it is; the warning comes before. Once named it
// is held a little below the threshold, so that a value swinging about it is one incident.
#include "diagnose/case.hpp"

#include <array>

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

constexpr double kHeld = 0.05;
constexpr double kPercent = 100.0;

// One limit and how much of it is used, in its own words.
struct Use {
  std::string_view subject;
  double used = 0;
  double limit = 0;  ///< 0: none
  std::string text;
};

Use storage_use(const Case& the_case) {
  const auto& catalog = the_case.seen.catalog;
  const auto limit = the_case.known.limits.storage_bytes.value_or(0);
  if (!catalog.seen || limit == 0) return {};
  std::uint64_t used = 0;
  for (const auto& database : catalog.databases)
    used += static_cast<std::uint64_t>(std::max<std::int64_t>(database.size_bytes, 0));
  return {"limits.storage", static_cast<double>(used), static_cast<double>(limit),
          fmt::format("{} of {} of storage are used by the databases that can be seen",
                      format_size(used), format_size(limit))};
}

Use connections_use(const Case& the_case) {
  const auto& login = the_case.seen.login;
  const auto limit = the_case.known.limits.connections;
  if (!login.ok() || limit == 0) return {};
  return {"limits.connections", static_cast<double>(login.connections_used),
          static_cast<double>(limit),
          fmt::format("{} of {} connections are used", login.connections_used, limit)};
}

void judge(const Case& the_case, const Use& use, std::vector<Finding>& findings) {
  if (use.limit <= 0) return;
  const double share = use.used / use.limit;
  const bool open = the_case.known.open_subjects.contains(std::string(use.subject));
  const double threshold = the_case.known.limits.warn_at - (open ? kHeld : 0.0);
  if (share < threshold) return;
  Finding finding;
  finding.cause = share >= 1.0 ? Cause::LimitReached : Cause::LimitNear;
  finding.subject = use.subject;
  finding.confidence = 0.95;
  finding.wait = true;
  finding.summary = fmt::format("{} ({:.0f} %).", use.text, share * kPercent);
  finding.evidence.push_back(evidence(the_case, "catalog", use.text));
  findings.push_back(std::move(finding));
}

}  // namespace

std::vector<Finding> limit_near(const Case& the_case) {
  std::vector<Finding> findings;
  judge(the_case, storage_use(the_case), findings);
  judge(the_case, connections_use(the_case), findings);
  return findings;
}

}  // namespace pgkeel::diagnose
