// A dropped table is re-created EMPTY from the last definitions, only where the policy says
// recreate-empty; its rows are reported as lost. One transaction: it is there whole or not at all.
#include <fmt/format.h>

#include "recover/definitions.hpp"
#include "recover/playbook.hpp"
#include "recover/sql.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

struct TableName {
  std::string database;
  std::string schema;
  std::string table;
};

// "shop.public.orders"; a database or schema with a dot in its name is left to a human.
std::optional<TableName> split(const std::string& subject) {
  const auto first = subject.find('.');
  const auto second = subject.find('.', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  return TableName{subject.substr(0, first), subject.substr(first + 1, second - first - 1),
                   subject.substr(second + 1)};
}

Task<Result<bool>> table_exists(StepContext* context, TableName name) {
  client::Params parameters{name.schema, name.table};
  const auto rows =
      co_await run_statement(&context->services, name.database,
                             "select from pg_class c join pg_namespace n on n.oid = c.relnamespace "
                             "where n.nspname = $1 and c.relname = $2",
                             std::move(parameters));
  if (!rows) co_return fail(rows.error());
  co_return rows->size() > 0;
}

std::string describe_recreate(const StepContext& context) {
  return fmt::format("create {} from its last known definition, without rows",
                     context.finding.subject);
}

Task<Result<void>> create_from_definitions(StepContext* context, TableName name) {
  auto definitions = context->services.ledger.definitions(name.database);
  if (!definitions) co_return fail(definitions.error());
  if (!definitions->has_value()) {
    co_return fail(ErrorCode::NotFound,
                   fmt::format("no definitions of {} are known", name.database));
  }
  auto restored = co_await restore_table_definition(
      &context->services, name.database, std::move((*definitions)->dump), name.schema, name.table);
  co_return restored;
}

Task<StepResult> recreate(StepContext* context) {
  const auto name = split(context->finding.subject);
  if (!name) co_return StepResult::for_human("a human: the name cannot be told apart");
  const auto before = co_await table_exists(context, *name);
  if (!before) co_return StepResult::failed(before.error());
  if (!*before) {
    const auto created = co_await create_from_definitions(context, *name);
    if (!created) co_return StepResult::failed(created.error());
    const auto after = co_await table_exists(context, *name);
    if (!after) co_return StepResult::failed(after.error());
    if (!*after) co_return StepResult::for_human("a human: its definition could not be run");
  }
  const auto forgotten = context->services.ledger.forget_relation(
      name->database, name->schema + "." + name->table,
      "pgkeel: re-created empty in incident " + context->incident);
  if (!forgotten) co_return StepResult::failed(forgotten.error());
  co_return *before ? StepResult::skipped("a table of that name exists by now")
                    : StepResult::done("re-created EMPTY");
}

constexpr Step kSteps[] = {{"recreate_table",
                            describe_recreate,
                            recreate,
                            Effect::Reversible,
                            "drop the empty table again",
                            {&kServerAnswers, &kTakesWrites}}};

}  // namespace

const Playbook kRecreateTable{"recreate_table",
                              "Re-create a dropped table from its definition, without rows.",
                              kSteps, "the table is in the catalog, empty"};

}  // namespace pgkeel::recover
