// See psql.hpp.
#include "archive/undrop/psql.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "runtime/files.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::size_t kWordsMax = 2000;  // of a program's own, quoted
Result<runtime::ProcessSpec> offline_program(const ClientSide& side, std::string_view name) {
  if (!side.programs.known())
    return fail(Error(ErrorCode::MissingBinary, fmt::format("no {} for this server here", name))
                    .with_hint("Install the PostgreSQL client programs (postgresql-client)."));
  runtime::ProcessSpec spec;
  spec.argv = side.programs.command(name);
  // An image's run as the account that its container was made for.
  if (side.programs.via.empty()) spec.run_as = side.account;
  spec.working_dir = "/";
  return spec;
}

Result<runtime::ProcessSpec> program(const ClientSide& side, std::string_view name,
                                     const std::string& database) {
  TRY(spec, offline_program(side, name));
  auto conninfo = side.conninfo;
  conninfo.database = database;
  conninfo.options["application_name"] = kUndropName;
  if (!conninfo.password.empty()) spec.environment.emplace_back("PGPASSWORD", conninfo.password);
  conninfo.password.clear();
  spec.argv.push_back("--dbname=" + conninfo.to_keyword_value());
  return spec;
}

Result<PsqlOutput> run(const ClientSide& side, std::string_view name, runtime::ProcessSpec spec) {
  runtime::Loop loop;
  return outcome_of(name, loop.run_until_complete(runtime::run_process(
                              loop, std::move(spec), loop.after(kProgramPatience), side.stop)));
}

}  // namespace

// As pg_dump has them. A database of no encoding keeps its bytes as they are. transaction_timeout
// came with 17.
const char* const kSameForms = R"(
set datestyle = 'ISO, YMD'; set intervalstyle = postgres; set extra_float_digits = 3;
set bytea_output = hex; set lc_monetary = 'C'; set xmloption = content; set array_nulls = on;
set quote_all_identifiers = off; set standard_conforming_strings = on;
set default_transaction_read_only = off;
select pg_catalog.set_config('client_encoding', case pg_catalog.current_setting('server_encoding')
  when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end, false) \gset
select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings where name in
  ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout') \g /dev/null
)";

std::string dollar_tag(std::string_view text) {
  std::string tag = "$pgkeel$";
  for (int i = 1; text.contains(tag); ++i) tag = fmt::format("$pgkeel_{}$", i);
  return tag;
}

Result<PsqlOutput> outcome_of(std::string_view program, Result<runtime::ProcessOutput> ended) {
  TRY(output, std::move(ended));
  if (output.exit.ok()) return PsqlOutput{std::move(output.out), std::move(output.err)};
  auto words = output.err.substr(0, kWordsMax);
  while (words.ends_with('\n')) words.pop_back();
  const bool lost = output.exit.code == 2;  // psql: the connection went away
  return fail(
      Error(lost ? ErrorCode::ConnectionLost : ErrorCode::Query,
            fmt::format("{}: {}", program, words.empty() ? output.exit.describe() : words)));
}

Result<runtime::ProcessSpec> psql_program(const ClientSide& side, const std::string& database,
                                          const std::filesystem::path& script) {
  TRY(spec, program(side, "psql", database));
  for (const auto& option :
       {std::string("--no-psqlrc"), std::string("--quiet"), std::string("--no-align"),
        std::string("--tuples-only"), std::string("--set=ON_ERROR_STOP=on"),
        std::string("--set=VERBOSITY=default"), "--file=" + script.string()})
    spec.argv.push_back(option);
  return spec;
}

Result<PsqlOutput> run_psql(const ClientSide& side, const std::string& database,
                            std::string script) {
  TRY(spec, psql_program(side, database, "-"));
  spec.input = kSameForms + std::move(script);
  return run(side, "psql", std::move(spec));
}

Result<std::vector<nlohmann::json>> ask_all(const ClientSide& side, const std::string& database,
                                            const std::vector<std::string>& queries) {
  constexpr std::string_view kNext = "-- next\n";  // no JSON has such a line
  std::string script = "set search_path to '';\n";
  for (const auto& query : queries) script += query + ";\n\\qecho -- next\n";
  TRY(output, run_psql(side, database, std::move(script)));
  std::vector<nlohmann::json> answers;
  std::string_view rest = output.out;
  for (auto end = rest.find(kNext); end != std::string_view::npos; end = rest.find(kNext)) {
    const auto text = rest.substr(0, end);
    rest.remove_prefix(end + kNext.size());
    const bool empty = text.find_first_not_of(" \n") == std::string_view::npos;
    auto value = empty ? nlohmann::json() : nlohmann::json::parse(text, nullptr, false);
    if (value.is_discarded()) break;
    answers.push_back(std::move(value));
  }
  if (answers.size() != queries.size())
    return fail(ErrorCode::Malformed, "psql's answer is no JSON");
  return answers;
}

Result<nlohmann::json> ask_json(const ClientSide& side, const std::string& database,
                                std::string query) {
  TRY(answers, ask_all(side, database, {std::move(query)}));
  return std::move(answers.front());
}

// "2054; 2606 16400 FK CONSTRAINT public orders orders_customer_fkey app"
bool lists_foreign_key(std::string_view line, const std::vector<std::string>& foreign_keys) {
  const auto number = line.find("; ");
  if (number == std::string_view::npos) return false;
  auto rest = line.substr(number + 2);
  for (int catalog_and_oid = 0; catalog_and_oid < 2; ++catalog_and_oid) {
    const auto space = rest.find(' ');
    if (space == std::string_view::npos) return false;
    rest.remove_prefix(space + 1);
  }
  if (rest.starts_with("FK CONSTRAINT ")) return true;
  return rest.starts_with("COMMENT ") &&
         std::ranges::any_of(foreign_keys, [rest](const std::string& name) {
           return rest.contains(" CONSTRAINT " + name + " ON ");
         });
}

namespace {

std::string without(const std::vector<std::string>& foreign_keys, std::string_view contents) {
  std::string kept;
  while (!contents.empty()) {
    const auto line = contents.substr(0, contents.find('\n'));
    contents.remove_prefix(std::min(line.size() + 1, contents.size()));
    if (!lists_foreign_key(line, foreign_keys)) kept.append(line).append("\n");
  }
  return kept;
}

}  // namespace

Result<void> dump_definitions(const ClientSide& side, const std::string& database,
                              const Definitions& wanted) {
  const auto dump = wanted.files.before_rows.string() + ".dump";
  const auto list = wanted.files.before_rows.string() + ".list";
  TRY(spec, program(side, "pg_dump", database));
  spec.argv.insert(spec.argv.end(), {"--file=" + dump, "--format=custom"});
  spec.argv.insert(spec.argv.end(), wanted.options.begin(), wanted.options.end());
  TRY_VOID(run(side, "pg_dump", std::move(spec)));
  TRY(look, offline_program(side, "pg_restore"));
  look.argv.insert(look.argv.end(), {"--list", dump});
  TRY(listed, run(side, "pg_restore", std::move(look)));
  const auto& all = listed.out;
  const auto kept = wanted.with_foreign_keys ? all : without(wanted.foreign_keys, all);
  TRY_VOID(runtime::write_file_atomic(list, kept, {.mode = 0600, .owner = side.account}));
  for (const auto& [section, file] :
       {std::pair("pre-data", &wanted.files.before_rows), std::pair("data", &wanted.files.values),
        std::pair("post-data", &wanted.files.behind_rows)}) {
    TRY(write, offline_program(side, "pg_restore"));
    write.argv.insert(write.argv.end(), {"--use-list=" + list, "--file=" + file->string(),
                                         fmt::format("--section={}", section), dump});
    TRY_VOID(run(side, "pg_restore", std::move(write)));
  }
  return {};
}

}  // namespace pgkeel::archive
