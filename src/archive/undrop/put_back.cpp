// The half of an undrop that works in the live server. Everything that may fail comes before the
// commit, or before the rename that makes a database visible; what must not fail it (a foreign key
// that no longer fits) is tried apart and noted.
#include <map>

#include <fmt/format.h>

#include "archive/undrop/parts.hpp"
#include "archive/undrop/rows.hpp"
#include "archive/undrop/transfer.hpp"
#include "pg/sql_text.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

// Nobody's writes wait longer than this behind a lock of ours.
constexpr const char* kLockPatience = "set local lock_timeout = '5s';\n";
constexpr const char* kNoLimits = "set lock_timeout = 0;\n";
constexpr std::size_t kNotesMax = 20;

void note_errors(const std::string& err, Undropped& done) {
  std::string_view rest = err;
  while (!rest.empty() && done.notes.size() < kNotesMax) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (const auto at = line.find("ERROR:  "); at != std::string_view::npos)
      done.notes.emplace_back(line.substr(at + 8));
  }
}

std::string count_check(const std::string& from, std::int64_t rows) {
  return fmt::format(
      "do {2} begin if (select count(*) from {0}) <> {1} then raise exception "
      "'not all of the {1} rows were written'; end if; end {2};\n",
      from, rows, dollar_tag(from));
}

// What was read from the copy is counted again where it was written; where rows were given to a
// root, all that it got together.
std::string count_check(const TakenOut& taken) {
  std::string script;
  std::map<std::string, std::int64_t> of_roots;
  for (const auto& table : taken.rows) {
    const auto rows = taken.relations[table.relation].rows;
    if (table.into != table.quoted) of_roots[table.into] += rows;
    else script += count_check("only " + table.quoted, rows);
  }
  for (const auto& [root, rows] : of_roots) script += count_check(root, rows);
  return script;
}

// Each in a savepoint of its own (ON_ERROR_ROLLBACK): one that fails leaves the rows where they
// are.
std::string add_what_may_fail(const TakenOut& taken) {
  if (taken.foreign_keys.empty() && taken.afterwards.empty()) return {};
  std::string script = "\\set ON_ERROR_STOP off\n\\set ON_ERROR_ROLLBACK on\n";
  script += kLockPatience;
  for (const auto& key : taken.foreign_keys) {
    const bool plain = key.partitioned || key.definition.ends_with("NOT VALID");
    script += fmt::format("alter table {} add constraint {} {}{};\n", key.table, key.name,
                          key.definition, plain ? "" : " NOT VALID");
  }
  for (const auto& statement : taken.afterwards) script += statement + ";\n";
  return script + "\\set ON_ERROR_ROLLBACK off\n\\set ON_ERROR_STOP on\n";
}

Result<std::string> oids_of(const std::vector<std::string>& quoted) {
  std::vector<std::string> values;
  for (const auto& name : quoted) {
    TRY(literal, pg::quote_literal(name));
    values.push_back(literal + "::regclass");
  }
  return fmt::format("array[{}]::oid[]", fmt::join(values, ", "));
}

Result<std::string> write_table_marker(const Side& side, const TakenOut& taken,
                                       const Undropped& done) {
  TRY(oids, oids_of(taken.quoted));
  TRY(result, pg::quote_literal(to_json(done).dump()));
  return fmt::format(
      "\\o {}\n"
      "select json_build_object('database', current_database(), 'database_oid', (select oid::int8 "
      "from pg_database where datname = current_database()), 'relations', (select "
      "coalesce(json_object_agg(n.nspname || '.' || c.relname, c.oid::int8), '{{}}') from pg_class "
      "c join pg_namespace n on n.oid = c.relnamespace where c.oid = any({})), 'result', "
      "{}::json);\n\\o\n",
      psql_word(marker_file(*side.scratch)), oids, result);
}

}  // namespace

// psql reads \i and \o arguments like shell words: in quotes, with a quote doubled.
std::string psql_word(const std::filesystem::path& path) {
  std::string word = "'";
  for (const char c : path.string()) {
    if (c == '\'' || c == '\\') word += c;
    word += c;
  }
  return word + "'";
}

namespace {

std::string include(const std::filesystem::path& script) {
  return fmt::format("\\i {}\n", psql_word(script));
}

// In one transaction, which is ended elsewhere.
std::string make_tables(const Side& side, const TakenOut& taken) {
  std::string script = std::string(kSameForms) + kNoLimits + "begin;\n";
  if (!taken.new_schema.empty())
    script += fmt::format("create schema if not exists {};\n", taken.new_schema);
  script += include(taken.files.before_rows) + include(taken.files.values);
  script += write_rows(side, taken.rows) + include(taken.files.behind_rows);
  return script + "set search_path to pg_catalog;\n";
}

// Of a database that nobody knows yet: large objects come in transactions of their own.
std::string make_all(const Side& side, const TakenOut& taken) {
  std::string script = std::string(kSameForms) + kNoLimits;
  script +=
      "begin;\n" + include(taken.files.before_rows) + write_rows(side, taken.rows) + "commit;\n";
  script += include(taken.files.values) + include(taken.files.behind_rows);
  return script + "set search_path to pg_catalog;\n";
}

// Where it goes, what is done there, and how that ends once it is known what the copy gave.
struct Destination {
  std::string database;
  std::string script;
  std::function<Result<std::string>()> ending;
};

Result<void> move_rows(const Side& side, TakenOut& taken, Undropped& done, Destination to) {
  TRY_VOID(make_row_pipes(side, taken.rows.size()));
  const auto ending = [&](const std::string& read) -> Result<std::string> {
    TRY_VOID(note_counts(read, taken));
    for (const auto& relation : taken.relations) done.rows += relation.rows;
    done.relations = taken.relations;
    TRY(ending, to.ending());
    return kSameForms + ending;  // the scripts have their own
  };
  const auto moved = transfer({.from = side.copy,
                               .to = side.request->live,
                               .from_database = side.request->subject.database,
                               .to_database = to.database,
                               .work = side.scratch->work(),
                               .reading = read_rows(side, taken.rows),
                               .writing = std::move(to.script),
                               .verdict = ending});
  if (!moved && moved.error().side == TransferSide::Reading)
    return fail(of_copy(side, moved.error().error));
  if (!moved) return fail(moved.error().error);
  note_errors(moved->err, done);
  return {};
}

}  // namespace

Result<void> put_table_back(const Side& side, TakenOut& taken, Undropped& done) {
  const auto& request = *side.request;
  std::error_code none_yet;  // one of another account's would not be written over
  std::filesystem::remove(marker_file(*side.scratch), none_yet);
  const auto ending = [&]() -> Result<std::string> {
    TRY(marker, write_table_marker(side, taken, done));
    return count_check(taken) + add_what_may_fail(taken) + marker + "commit;\n";
  };
  TRY_VOID(
      move_rows(side, taken, done, {request.subject.database, make_tables(side, taken), ending}));
  return finish_table(request, taken.quoted, done);
}

Result<void> finish_table(const UndropRequest& request, const std::vector<std::string>& quoted,
                          Undropped& done) {
  if (quoted.empty()) return {};
  TRY(oids, oids_of(quoted));
  std::string script = kNoLimits;
  script += fmt::format(
      "\\set ON_ERROR_STOP off\n"
      "select format('alter table %s validate constraint %I', conrelid::regclass, conname) from "
      "pg_constraint where contype = 'f' and not convalidated and (conrelid = any({0}) or "
      "confrelid = any({0})) \\gexec\n",
      oids);
  for (const auto& name : quoted) script += fmt::format("analyze {};\n", name);
  TRY(output, run_psql(request.live, request.subject.database, std::move(script)));
  note_errors(output.err, done);
  return {};
}

namespace {

std::string maintenance(const UndropRequest& request) {
  const auto& configured = request.live.conninfo.database;
  if (!configured.empty() && configured != wanted(request).database) return configured;
  return wanted(request).database == "postgres" ? "template1" : "postgres";
}

// Empty, and known for ours by its comment.
Result<void> create_half_made(const UndropRequest& request, const TakenOut& taken) {
  TRY(name, pg::quote_identifier(half_made_name(wanted(request))));
  TRY(mark, pg::quote_literal(half_made_mark(wanted(request))));
  TRY_VOID(run_psql(request.live, maintenance(request),
                    fmt::format("{};\ncomment on database {} is {};\n", taken.create, name, mark)));
  return {};
}

// What cannot be given to it (a role that is gone) is noted, and does not fail it.
Result<void> set_properties(const UndropRequest& request, const TakenOut& taken, Undropped& done) {
  TRY_VOID(run_psql(request.live, half_made_name(wanted(request)), "analyze;\n"));
  std::string script = "\\set ON_ERROR_STOP off\n";
  for (const auto& statement : taken.afterwards) script += statement + ";\n";
  TRY(output, run_psql(request.live, maintenance(request), std::move(script)));
  note_errors(output.err, done);
  return {};
}

Result<void> write_database_marker(const Side& side, const TakenOut& taken, const Undropped& done) {
  const auto& subject = wanted(*side.request);
  TRY(name, pg::quote_literal(half_made_name(subject)));
  TRY(oid, ask_json(side.request->live, maintenance(*side.request),
                    "select oid::int8 from pg_catalog.pg_database where datname = " + name));
  UndropMarker marker;
  marker.database = subject.database;
  marker.database_oid = oid.is_number() ? oid.get<std::uint32_t>() : 0;
  marker.result = to_json(done);
  marker.result["comment"] = taken.comment;
  return runtime::write_file_atomic(marker_file(*side.scratch), marker_text(marker),
                                    {.mode = 0600, .owner = side.request->restore.account});
}

}  // namespace

namespace {

Result<void> fill_half_made(const Side& side, TakenOut& taken, Undropped& done) {
  const auto& request = *side.request;
  TRY_VOID(create_half_made(request, taken));
  const auto ending = [&] { return Result<std::string>(count_check(taken)); };
  TRY_VOID(move_rows(side, taken, done,
                     {half_made_name(wanted(request)), make_all(side, taken), ending}));
  return set_properties(request, taken, done);
}

}  // namespace

Result<void> put_database_back(const Side& side, TakenOut& taken, Undropped& done) {
  const auto& request = *side.request;
  if (const auto filled = fill_half_made(side, taken, done); !filled) {
    static_cast<void>(clear_half_made_database(request));  // the disk may be full of it
    return fail(filled.error());
  }
  TRY_VOID(write_database_marker(side, taken, done));
  TRY(from, pg::quote_identifier(half_made_name(wanted(request))));
  TRY(to, pg::quote_identifier(wanted(request).database));
  TRY_VOID(run_psql(request.live, maintenance(request),
                    fmt::format("alter database {} rename to {};\n", from, to)));
  return unmark_database(request, taken.comment);
}

Result<void> unmark_database(const UndropRequest& request, const std::string& comment) {
  TRY(name, pg::quote_identifier(wanted(request).database));
  TRY(text, pg::quote_literal(comment));
  TRY_VOID(run_psql(
      request.live, maintenance(request),
      fmt::format("comment on database {} is {};\n", name, comment.empty() ? "null" : text)));
  return {};
}

Result<void> end_earlier_sessions(const ClientSide& live) {
  TRY(name, pg::quote_literal(kUndropName));
  constexpr const char* kWhich =
      "from pg_catalog.pg_stat_activity where application_name = {} and usename = current_user and "
      "pid <> pg_backend_pid()";
  const auto which = fmt::format(kWhich, name);
  // As many looks as a rollback of a large COPY may need; a look is 0.1 s.
  TRY_VOID(run_psql(live, live.conninfo.database,
                    fmt::format("select pg_terminate_backend(pid) {0};\n"
                                "do $pgkeel$ begin for i in 1..300 loop perform "
                                "pg_stat_clear_snapshot(); exit when not exists (select {0}); "
                                "perform pg_sleep(0.1); end loop; end $pgkeel$;\n",
                                which)));
  return {};
}

Result<void> clear_half_made_database(const UndropRequest& request) {
  const auto half_made = half_made_name(wanted(request));
  TRY(literal, pg::quote_literal(half_made));
  TRY(there, ask_json(request.live, maintenance(request),
                      "select pg_catalog.json_build_object('comment', "
                      "pg_catalog.shobj_description(oid, 'pg_database')) from "
                      "pg_catalog.pg_database where datname = " +
                          literal));
  if (!there.is_object()) return {};
  const bool ours =
      there["comment"].is_string() && there["comment"] == half_made_mark(wanted(request));
  if (!ours)
    return fail(ErrorCode::Refused,
                fmt::format("a database {} exists that pgkeel did not make", half_made));
  TRY(name, pg::quote_identifier(half_made));
  TRY_VOID(run_psql(request.live, maintenance(request),
                    fmt::format("drop database {} with (force);\n", name)));
  return {};
}

}  // namespace pgkeel::archive
