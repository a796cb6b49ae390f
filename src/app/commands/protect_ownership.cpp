// See protect_ownership.hpp.
#include "app/commands/protect_ownership.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/journaling.hpp"
#include "app/render.hpp"

namespace pgkeel::app {
namespace {

using maintain::OwnershipPlan;

void show_statements(std::string_view title, const std::vector<std::string>& statements) {
  fmt::print("{}\n", title);
  for (const auto& statement : statements) fmt::print("  {};\n", statement);
}

void show(const OwnershipPlan& plan, std::string_view title) {
  if (plan.apply.empty()) {
    fmt::print("{}: role {} owns nothing there\n", plan.database, plan.application);
    return;
  }
  show_statements(fmt::format("{}: {}", plan.database, title), plan.apply);
  show_statements(fmt::format("{}: taken back by", plan.database), plan.take_back);
}

// Of all databases together, since it is what they share.
void show_last(const OwnershipPlans& plans) {
  for (const auto& plan : plans)
    if (!plan.take_back_last.empty())
      show_statements("last, when every database above is taken back", plan.take_back_last);
}

void show_what_is_lost(const OwnershipPlan& plan) {
  fmt::print(
      "{0} can no longer TRUNCATE, VACUUM, setval() or REFRESH MATERIALIZED VIEW there either. "
      "Migrations that log in as {0} can no longer CREATE, ALTER or DROP there: let them log in as "
      "another role, made by: create role migrator login in role {1}; alter role migrator set role "
      "{1};\n",
      plan.application, plan.owner);
}

}  // namespace

Json ownerships_json(const OwnershipPlans& plans) {
  Json list = Json::array();
  for (const auto& one : plans)
    list.push_back({{"database", one.database},
                    {"owner", one.owner},
                    {"application", one.application},
                    {"objects", one.objects},
                    {"apply", one.apply},
                    {"take_back", one.take_back},
                    {"take_back_last", one.take_back_last}});
  return list;
}

namespace {

Result<OwnershipPlan> plan_one(const maintain::ServerAccess& access, const std::string& database,
                               const std::string& owner, const std::string& application,
                               const OwnershipPlans& before) {
  const auto role = std::ranges::any_of(before, &OwnershipPlan::makes_owner)
                        ? maintain::OwnerRole::MadeBefore
                        : maintain::OwnerRole::AsFound;
  auto plan = access.loop->run_until_complete(
      maintain::plan_ownership(&access, database, owner, application, role));
  if (!plan) return fail(std::move(plan).error().with_context("ownership in " + database));
  return plan;
}

}  // namespace

Result<OwnershipPlans> plan_ownerships(const Config& config, const Invocation& invocation,
                                       const maintain::ServerAccess& access,
                                       const std::vector<std::string>& databases) {
  const auto configured =
      config.application.configured() ? config.application.role_name() : std::string();
  OwnershipPlans plans;
  for (const auto& database : databases) {
    TRY(plan, plan_one(access, database, *invocation.value("--ownership"),
                       invocation.value("--of").value_or(configured), plans));
    plans.push_back(std::move(plan));
  }
  return plans;
}

int show_ownerships(const Invocation& invocation, const OwnershipPlans& plans) {
  if (invocation.global.json) {
    fmt::print("{}", to_line(Json{{"ownership", ownerships_json(plans)}}));
    return 0;
  }
  for (const auto& plan : plans) show(plan, "would run, in one transaction");
  show_last(plans);
  for (const auto& plan : plans)
    if (!plan.apply.empty()) show_what_is_lost(plan);
  fmt::print("Nothing was changed. With --apply it is done.\n");
  return 0;
}

Result<OwnershipPlans> make_ownerships(const Config& config, const Invocation& invocation,
                                       const maintain::ServerAccess& access,
                                       const std::vector<std::string>& databases) {
  TRY(planned, plan_ownerships(config, invocation, access, databases));
  Journaling journal(config, "protect_ownership");
  OwnershipPlans done;
  std::optional<Error> failure;
  for (const auto& one : planned) {
    // The role is there by the second database, and what the first one changed of it, too.
    auto plan = plan_one(access, one.database, one.owner, one.application, done);
    if (!plan) {
      failure = std::move(plan).error();
      break;
    }
    const auto subject =
        fmt::format("{}: {} to {}", plan->database, plan->application, plan->owner);
    journal.begin(subject);
    auto changed = access.loop->run_until_complete(maintain::change_ownership(&access, &*plan));
    journal.end(subject, changed ? nullptr : &changed.error());
    if (!changed) {
      failure = std::move(changed).error().with_context(
          fmt::format("ownership in {}; nothing was changed in it", plan->database));
      break;
    }
    if (!invocation.global.json) show(*plan, "done");
    done.push_back(std::move(*plan));
  }
  if (!invocation.global.json) show_last(done);
  if (failure) return fail(*std::move(failure));
  return done;
}

}  // namespace pgkeel::app
