// A dropped database is re-created EMPTY from the last definitions, only where the policy says
// recreate-empty; the rows are reported as lost. It is built under another name and renamed when
// complete, so that apps never meet a half-made one and a killed guard can tell its own leftovers
// (by their comment) from anybody's data.
#include <algorithm>

#include <fmt/format.h>

#include "pg/sql_text.hpp"
#include "recover/definitions.hpp"
#include "recover/playbook.hpp"
#include "recover/sql.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

std::string replacement_name(const StepContext& context) {
  return context.finding.subject + "_pgkeel_new";
}
std::string replacement_mark(const StepContext& context) {
  return "pgkeel: being made to replace " + context.finding.subject;
}

Task<Result<bool>> database_exists(StepContext* context, std::string name) {
  auto* services = &context->services;
  client::Params parameters{std::move(name)};
  const auto rows =
      co_await run_statement(services, maintenance_database(*services),
                             "select from pg_database where datname = $1", std::move(parameters));
  if (!rows) co_return fail(rows.error());
  co_return rows->size() > 0;
}

// Our own leftover of an interrupted run may be dropped; anything else of that name may not.
Task<Result<void>> clear_leftover(StepContext* context) {
  auto* services = &context->services;
  client::Params parameters{replacement_name(*context)};
  const auto rows = co_await run_statement(
      services, maintenance_database(*services),
      "select shobj_description(oid, 'pg_database') from pg_database where datname = $1",
      std::move(parameters));
  if (!rows) co_return fail(rows.error());
  if (rows->size() == 0) co_return Result<void>();
  if (rows->text(0, 0).value_or("") != replacement_mark(*context)) {
    co_return fail(ErrorCode::Refused, fmt::format("a database {} exists that pgkeel did not make",
                                                   replacement_name(*context)));
  }
  const auto name = pg::quote_identifier(replacement_name(*context));
  if (!name) co_return fail(name.error());
  const auto dropped = co_await run_statement(services, maintenance_database(*services),
                                              "drop database " + *name + " with (force)");
  if (!dropped) co_return fail(dropped.error());
  co_return Result<void>();
}

Result<std::string> create_statement(const StepContext& context) {
  TRY(name, pg::quote_identifier(replacement_name(context)));
  std::string sql = "create database " + name + " template template0";
  TRY(known, context.services.ledger.databases());
  const auto row =
      std::ranges::find(known, context.finding.subject, &incident::KnownDatabase::name);
  if (row == known.end()) return sql;
  TRY(owner, pg::quote_identifier(row->owner));
  TRY(encoding, pg::quote_literal(row->encoding));
  TRY(collate, pg::quote_literal(row->collate));
  TRY(ctype, pg::quote_literal(row->ctype));
  return fmt::format("{} owner {} encoding {} lc_collate {} lc_ctype {}", sql, owner, encoding,
                     collate, ctype);
}

Task<Result<void>> build_replacement(StepContext* context) {
  auto* services = &context->services;
  const auto maintenance = maintenance_database(*services);
  const auto create = create_statement(*context);
  if (!create) co_return fail(create.error());
  const auto created = co_await run_statement(services, maintenance, *create);
  if (!created) co_return fail(created.error());
  const auto name = pg::quote_identifier(replacement_name(*context));
  const auto mark = pg::quote_literal(replacement_mark(*context));
  if (!name || !mark) co_return fail(ErrorCode::Malformed, "the database name cannot be quoted");
  const auto marked = co_await run_statement(
      services, maintenance, fmt::format("comment on database {} is {}", *name, *mark));
  if (!marked) co_return fail(marked.error());
  auto definitions = services->ledger.definitions(context->finding.subject);
  if (!definitions) co_return fail(definitions.error());
  if (!definitions->has_value()) co_return Result<void>();
  auto restored = co_await restore_definitions(services, replacement_name(*context),
                                               std::move((*definitions)->dump));
  co_return restored;
}

std::string describe_prepare(const StepContext& context) {
  return fmt::format("create {} with the definitions of {}, without rows",
                     replacement_name(context), context.finding.subject);
}

Task<StepResult> prepare(StepContext* context) {
  const auto exists = co_await database_exists(context, context->finding.subject);
  if (!exists) co_return StepResult::failed(exists.error());
  if (*exists) co_return StepResult::skipped("a database of that name exists by now");
  const auto cleared = co_await clear_leftover(context);
  if (!cleared) co_return StepResult::for_human("a human: " + cleared.error().message());
  const auto built = co_await build_replacement(context);
  if (!built) co_return StepResult::failed(built.error());
  co_return StepResult::done();
}

std::string describe_publish(const StepContext& context) {
  return fmt::format("rename {} to {}", replacement_name(context), context.finding.subject);
}

Task<Result<void>> rename_replacement(StepContext* context) {
  auto* services = &context->services;
  const auto from = pg::quote_identifier(replacement_name(*context));
  const auto to = pg::quote_identifier(context->finding.subject);
  if (!from || !to) co_return fail(ErrorCode::Malformed, "the database name cannot be quoted");
  const auto maintenance = maintenance_database(*services);
  const auto renamed = co_await run_statement(
      services, maintenance, fmt::format("alter database {} rename to {}", *from, *to));
  if (!renamed) co_return fail(renamed.error());
  const auto unmarked = co_await run_statement(services, maintenance,
                                               fmt::format("comment on database {} is null", *to));
  if (!unmarked) co_return fail(unmarked.error());
  co_return Result<void>();
}

Task<StepResult> publish(StepContext* context) {
  const auto exists = co_await database_exists(context, context->finding.subject);
  if (!exists) co_return StepResult::failed(exists.error());
  if (!*exists) {
    const auto renamed = co_await rename_replacement(context);
    if (!renamed) co_return StepResult::failed(renamed.error());
  }
  // From here on the new database is the known one; the old one's loss is in the incident.
  const auto forgotten = context->services.ledger.forget_database(
      context->finding.subject, "pgkeel: re-created empty in incident " + context->incident);
  if (!forgotten) co_return StepResult::failed(forgotten.error());
  co_return StepResult::done("re-created EMPTY");
}

constexpr Step kSteps[] = {{"prepare_database",
                            describe_prepare,
                            prepare,
                            Effect::Reversible,
                            "drop the database NAME_pgkeel_new",
                            {&kServerAnswers, &kTakesWrites}},
                           {"publish_database",
                            describe_publish,
                            publish,
                            Effect::Reversible,
                            "rename or drop the empty database",
                            {&kServerAnswers, &kTakesWrites}}};

}  // namespace

const Playbook kRecreateDatabase{"recreate_database",
                                 "Re-create a dropped database from its definitions, without rows.",
                                 kSteps, "the database and its tables are in the catalog, empty"};

}  // namespace pgkeel::recover
