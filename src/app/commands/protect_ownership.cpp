// See protect_ownership.hpp.
#include "app/commands/protect_ownership.hpp"

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

void show_what_migrations_need(const OwnershipPlan& plan) {
  fmt::print(
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
                    {"take_back", one.take_back}});
  return list;
}

Result<OwnershipPlans> plan_ownerships(const Config& config, const Invocation& invocation,
                                       const maintain::ServerAccess& access,
                                       const std::vector<std::string>& databases) {
  const auto configured =
      config.application.configured() ? config.application.role_name() : std::string();
  OwnershipPlans plans;
  for (const auto& database : databases) {
    auto plan = access.loop->run_until_complete(
        maintain::plan_ownership(&access, database, *invocation.value("--ownership"),
                                 invocation.value("--of").value_or(configured)));
    if (!plan) return fail(std::move(plan).error().with_context("ownership in " + database));
    plans.push_back(std::move(*plan));
  }
  return plans;
}

int show_ownerships(const Invocation& invocation, const OwnershipPlans& plans) {
  if (invocation.global.json) {
    fmt::print("{}", to_line(Json{{"ownership", ownerships_json(plans)}}));
    return 0;
  }
  for (const auto& plan : plans) show(plan, "would run, in one transaction");
  for (const auto& plan : plans)
    if (!plan.apply.empty()) show_what_migrations_need(plan);
  fmt::print("Nothing was changed. With --apply it is done.\n");
  return 0;
}

Result<void> make_ownerships(const Config& config, const Invocation& invocation,
                             const maintain::ServerAccess& access, const OwnershipPlans& plans) {
  Journaling journal(config, "protect_ownership");
  for (const auto& plan : plans) {
    const auto subject = fmt::format("{}: {} to {}", plan.database, plan.application, plan.owner);
    journal.begin(subject);
    auto done = access.loop->run_until_complete(maintain::change_ownership(&access, &plan));
    journal.end(subject, done ? nullptr : &done.error());
    if (!done)
      return fail(std::move(done).error().with_context(
          fmt::format("ownership in {}; nothing was changed in it", plan.database)));
    if (!invocation.global.json) show(plan, "done");
  }
  return {};
}

}  // namespace pgkeel::app
