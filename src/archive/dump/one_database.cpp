// One database: counted under an exported snapshot, dumped from the same, read back and judged. The
// counting session stays until pg_dump has ended: it holds the snapshot, and its locks keep the
// tables it counted from going away.
#include <array>

#include <fmt/format.h>

#include "archive/dump/judge.hpp"
#include "archive/dump/make_dump.hpp"
#include "archive/dump/properties.hpp"

namespace pgkeel::archive {
namespace {

using runtime::PipedProcess;

constexpr std::size_t kBlockBytes = 256U << 10U;
constexpr int kSnapshotTries = 5;  // tables that come and go while they are counted
// pg_dump gives up rather than queue behind a migration and hold up everybody behind itself.
constexpr const char* kLockPatience = "--lock-wait-timeout=60s";
constexpr const char* kCountLockPatience = "set lock_timeout to '60s'";

struct Counted {
  client::ReplicationSession session;
  std::string snapshot;
  CountedTables tables;
  DatabaseLocale locale;
  DatabaseProperties properties;
};

Result<Counted> count_under_snapshot(const DumpRequest& request, const std::string& database) {
  for (int attempt = 1;; ++attempt) {
    TRY(session, open_sql(request.server, database));
    TRY_VOID(session.run(kCountLockPatience));
    TRY_VOID(session.run("begin isolation level repeatable read read only"));
    TRY(snapshot, first_value(session, "select pg_export_snapshot()"));
    auto tables = count_rows(session, request.stop);
    const bool went_away = !tables && tables.error().code == ErrorCode::NotFound;
    if (went_away && attempt < kSnapshotTries) continue;
    if (!tables) return fail(std::move(tables).error().with_context("count the rows"));
    TRY(locale, read_locale(session));
    TRY(properties, read_properties(session));
    return Counted{std::move(session), std::move(snapshot), *std::move(tables), std::move(locale),
                   std::move(properties)};
  }
}

// All of it is read, also what pg_restore does not need for its list: the digest is compared at the
// end.
Result<std::string> list_stored(const DumpRequest& request, const StoredObject& object) {
  runtime::ProcessSpec spec;
  spec.argv = request.programs.place.command("pg_restore");
  spec.argv.emplace_back("--list");
  TRY(process, PipedProcess::start(spec, PipedProcess::Stream::ToProgram, request.stop));
  TRY(source, read_encoded(*request.store, object.key, *request.keys, &object));
  std::vector<std::byte> block(kBlockBytes);
  auto taken = PipedProcess::Taken::All;
  while (true) {
    if (request.stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    TRY(count, source->read(block));
    if (count == 0) break;
    if (taken == PipedProcess::Taken::Refused) continue;
    TRY(outcome, process.write(ByteSpan(block).first(count), kClientPatience));
    taken = outcome;
  }
  TRY(output, process.finish(kClientPatience));
  TRY_VOID(ended_well(output, "pg_restore --list"));
  return std::move(output.out);
}

Result<void> dump_and_judge(const DumpRequest& request, std::size_t number, const Counted& counted,
                            DumpedDatabase& database) {
  auto spec = client_process(request.programs, "pg_dump", request.server, database.name);
  for (const auto* option : {"--format=custom", "--compress=0", kLockPatience})
    spec.argv.emplace_back(option);
  spec.argv.push_back("--snapshot=" + counted.snapshot);
  TRY(object,
      store_output(request, "pg_dump", spec, dump_key(request.label, number), [&](auto bytes) {
        if (request.tell)
          request.tell({database.name, number + 1, request.facts.databases.size(), bytes});
      }));
  database.object = object;
  TRY(list, list_stored(request, object));
  const auto verdict = judge_list(list, counted.tables.oids);
  database.entries = verdict.entries;
  if (verdict.missing)
    return fail(ErrorCode::Failed,
                fmt::format("the dump lacks table {}, which its snapshot has", *verdict.missing));
  return {};
}

}  // namespace

Result<StoredObject> store_output(const DumpRequest& request, const std::string& program,
                                  const runtime::ProcessSpec& spec, const std::string& key,
                                  const std::function<void(std::uint64_t)>& tell) {
  TRY(process, PipedProcess::start(spec, PipedProcess::Stream::FromProgram, request.stop));
  TRY(writer, EncodedWriter::create(*request.store, key, request.encoding, Replace::Never));
  std::vector<std::byte> block(kBlockBytes);
  std::uint64_t bytes = 0;
  while (true) {
    TRY(count, process.read(block, kClientPatience));
    if (count == 0) break;
    TRY_VOID(writer->write(ByteSpan(block).first(count)));
    bytes += count;
    if (tell) tell(bytes);
  }
  TRY(output, process.finish(kClientPatience));
  TRY_VOID(ended_well(output, program));
  if (bytes == 0)
    return fail(ErrorCode::Failed, program + " ended as if all were well, but wrote nothing");
  return writer->finish();
}

Result<DumpedDatabase> dump_database(const DumpRequest& request, const std::string& name,
                                     std::size_t number) {
  DumpedDatabase database;
  database.name = name;
  auto done = [&]() -> Result<void> {
    TRY(counted, count_under_snapshot(request, name));
    database.rows = counted.tables.rows;
    database.locale = counted.locale;
    database.properties = counted.properties;
    return dump_and_judge(request, number, counted, database);
  }();
  if (done) return database;
  if (done.error().code == ErrorCode::Cancelled) return fail(done.error());
  database.failure = done.error().message();
  // What is not whole is not kept: nobody should find it in an emergency.
  if (database.stored()) TRY_VOID(request.store->remove(database.object.key));
  database.object = {};
  return database;
}

}  // namespace pgkeel::archive
