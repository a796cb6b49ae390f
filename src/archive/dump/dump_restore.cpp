// See dump_restore.hpp.
#include "archive/dump/dump_restore.hpp"

#include <fmt/format.h>

#include "archive/dump/properties.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::archive {
namespace {

using runtime::PipedProcess;

constexpr std::size_t kBlockBytes = 256U << 10U;
constexpr const char* kHalfMade = "pgkeel_dump_restoring";
constexpr const char* kMark = "half-made by pgkeel dump restore; removed by the next one";

Result<std::string> comment_of(client::ReplicationSession& session, const std::string& database) {
  TRY(literal, pg::quote_literal(database));
  return first_value(session,
                     "select 'there: ' || coalesce(shobj_description(oid, 'pg_database'), '') from "
                     "pg_database where datname = " +
                         literal);
}

Result<void> refuse_used_name(client::ReplicationSession& session, const std::string& name) {
  TRY(there, comment_of(session, name));
  if (there.empty()) return {};
  return fail(Error(ErrorCode::Refused, fmt::format("there is a database {} already", name))
                  .with_hint("Nothing is restored over what exists: choose a new name with --as."));
}

Result<void> clear_half_made(client::ReplicationSession& session) {
  TRY(there, comment_of(session, kHalfMade));
  if (there.empty()) return {};
  if (there != std::string("there: ") + kMark)
    return fail(
        Error(ErrorCode::Refused,
              fmt::format("a database {} exists that is not marked as a restore's", kHalfMade))
            .with_hint("A restore that was killed at its very beginning leaves an empty one. Look "
                       "into it, and drop it yourself."));
  TRY_VOID(session.run(fmt::format("drop database {} with (force)", kHalfMade)));
  return {};
}

Result<std::string> create_statement(const DatabaseLocale& locale) {
  TRY(encoding, pg::quote_literal(locale.encoding));
  TRY(collate, pg::quote_literal(locale.collate));
  TRY(ctype, pg::quote_literal(locale.ctype));
  TRY(name, pg::quote_literal(locale.locale));
  auto sql =
      fmt::format("create database {} template template0 encoding {} lc_collate {} lc_ctype {}",
                  kHalfMade, encoding, collate, ctype);
  if (locale.provider == "i") sql += " locale_provider icu icu_locale " + name;
  if (locale.provider == "b") sql += " locale_provider builtin builtin_locale " + name;
  return sql;
}

// Whether another locale had to be taken.
Result<bool> create_half(client::ReplicationSession& session, const DumpRestoreRequest& request) {
  const auto& locale = request.database->locale;
  TRY(create, create_statement(locale));
  const auto created = session.run(create);
  if (created) return false;
  if (request.locales == Locales::Same) return fail(created.error());
  TRY(plain, create_statement({locale.encoding, "C", "C", "c", ""}));
  TRY_VOID(session.run(plain));
  return true;
}

Result<bool> make_half(client::ReplicationSession& session, const DumpRestoreRequest& request) {
  TRY_VOID(clear_half_made(session));
  TRY(replaced, create_half(session, request));
  TRY(mark, pg::quote_literal(kMark));
  TRY_VOID(session.run(fmt::format("comment on database {} is {}", kHalfMade, mark)));
  return replaced;
}

runtime::ProcessSpec restore_process(const DumpRestoreRequest& request) {
  auto spec = client_process(request.programs, "pg_restore", request.server, kHalfMade);
  for (const auto* option : {"--exit-on-error", "--no-subscriptions", "--no-tablespaces"})
    spec.argv.emplace_back(option);
  if (request.owners == Owners::Leave)
    for (const auto* option : {"--no-owner", "--no-privileges"}) spec.argv.emplace_back(option);
  return spec;
}

Result<void> pour(const DumpRestoreRequest& request) {
  const auto& object = request.database->object;
  TRY(source, read_encoded(*request.store, object.key, *request.keys, &object));
  TRY(process,
      PipedProcess::start(restore_process(request), PipedProcess::Stream::ToProgram, request.stop));
  std::vector<std::byte> block(kBlockBytes);
  std::uint64_t bytes = 0;
  auto taken = PipedProcess::Taken::All;
  while (true) {  // to the end, where the digest is compared
    TRY(count, source->read(block));
    if (count == 0) break;
    if (taken == PipedProcess::Taken::All) {
      TRY(outcome, process.write(ByteSpan(block).first(count), kClientPatience));
      taken = outcome;
    }
    bytes += count;
    if (request.tell) request.tell(bytes);
  }
  TRY(output, process.finish(kClientPatience));
  return ended_well(output, "pg_restore");
}

Result<void> compare(const RowCounts& dumped, const RowCounts& restored) {
  for (const auto& [table, rows] : dumped) {
    const auto found = restored.find(table);
    if (found == restored.end())
      return fail(ErrorCode::Failed, fmt::format("table {} did not come back", table));
    if (found->second != rows)
      return fail(ErrorCode::Failed,
                  fmt::format("table {} came back with {} rows of {}", table, found->second, rows));
  }
  return {};
}

Result<RowCounts> fill_half(const DumpRestoreRequest& request) {
  TRY_VOID(pour(request));
  TRY(session, open_sql(request.server, kHalfMade));
  TRY(counted, count_rows(session, request.stop));
  TRY_VOID(compare(request.database->rows, counted.rows));
  return std::move(counted.rows);
}

}  // namespace

Result<RestoredDump> restore_dump(const DumpRestoreRequest& request) {
  if (!request.database->stored())
    return fail(
        Error(ErrorCode::NotFound, fmt::format("nothing of database {} is stored in that dump: {}",
                                               request.database->name, request.database->failure))
            .with_hint("'pgkeel dump list' shows those that are good."));
  TRY(session, open_sql(request.server, ""));
  TRY_VOID(refuse_used_name(session, request.as));
  TRY(name, pg::quote_identifier(request.as));
  TRY(locale_replaced, make_half(session, request));
  auto rows = fill_half(request);
  if (!rows) {
    static_cast<void>(clear_half_made(session));  // else the next restore does
    return fail(std::move(rows).error());
  }
  const auto& properties = request.database->properties;
  if (request.owners == Owners::Keep) TRY_VOID(apply_properties(session, kHalfMade, properties));
  TRY_VOID(session.run(fmt::format("alter database {} rename to {}", kHalfMade, name)));
  TRY(comment, pg::quote_literal(properties.comment));
  TRY_VOID(session.run(fmt::format("comment on database {} is {}", name,
                                   properties.comment.empty() ? "null" : comment)));
  return RestoredDump{*std::move(rows), locale_replaced};
}

}  // namespace pgkeel::archive
