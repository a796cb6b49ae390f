// A required database that never existed is created (features C1, B7). Nothing can be lost by it.
#include <fmt/format.h>

#include "pg/sql_text.hpp"
#include "recover/playbook.hpp"
#include "recover/sql.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr std::string_view kDuplicateDatabase = "42P04";

std::string describe_create(const StepContext& context) {
  return "create database " + context.finding.subject;
}

Task<StepResult> create(StepContext* context) {
  auto* services = &context->services;
  const auto name = pg::quote_identifier(context->finding.subject);
  if (!name) co_return StepResult::failed(name.error());
  const auto created =
      co_await run_statement(services, maintenance_database(*services), "create database " + *name);
  if (created) co_return StepResult::done();
  if (created.error().sqlstate == kDuplicateDatabase)
    co_return StepResult::skipped("it exists by now");
  co_return StepResult::failed(created.error());
}

constexpr Step kSteps[] = {{"create_database",
                            describe_create,
                            create,
                            Effect::Reversible,
                            "drop the empty database again",
                            {&kServerAnswers, &kTakesWrites}}};

}  // namespace

const Playbook kCreateDatabase{"create_database", "Create a required database that never existed.",
                               kSteps, "the database is in the catalog"};

}  // namespace pgkeel::recover
