// See definitions.hpp. The client programs are run without a shell; the password goes through the
// environment; archives and lists through stdin and a private temporary file.
#include "recover/definitions.hpp"

#include <fmt/format.h>

#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using runtime::ProcessSpec;
using runtime::Task;

constexpr Seconds kDumpDeadline{60};  // a schema of ten thousand tables takes about ten seconds
constexpr Seconds kRestoreDeadline{300};

Result<ProcessSpec> client_program(const Services& services, std::string_view program) {
  if (services.client_bin_dir.empty()) {
    return fail(Error(ErrorCode::NotSupported, fmt::format("no {} on this host", program))
                    .with_hint("Install the PostgreSQL client programs (postgresql-client)."));
  }
  ProcessSpec spec;
  spec.argv = {(services.client_bin_dir / program).string()};
  spec.run_as = services.client_account;
  spec.working_dir = "/";
  return spec;
}

// --dbname takes a connection string; the password never appears in it.
void connect_to(ProcessSpec& spec, const Services& services, const std::string& database) {
  auto conninfo = services.senses.conninfo();
  conninfo.database = database;
  if (!conninfo.password.empty()) spec.environment.emplace_back("PGPASSWORD", conninfo.password);
  conninfo.password.clear();
  spec.argv.push_back("--dbname=" + conninfo.to_keyword_value());
}

Task<Result<std::string>> run(Services* services, ProcessSpec spec, Seconds patience) {
  const auto program = spec.argv.front();
  const auto output = co_await runtime::run_process(services->loop, std::move(spec),
                                                    services->loop.after(patience));
  if (!output) co_return fail(output.error());
  if (!output->exit.ok()) {
    co_return fail(ErrorCode::ChildFailed, fmt::format("{} ended with {}: {}", program,
                                                       output->exit.describe(), output->err));
  }
  co_return output->out;
}

Task<Result<void>> run_sql(Services* services, std::string database, std::string sql) {
  auto psql = client_program(*services, "psql");
  if (!psql) co_return fail(psql.error());
  connect_to(*psql, *services, database);
  for (const auto* option : {"--no-psqlrc", "--quiet", "--single-transaction", "--file=-",
                             "--set=ON_ERROR_ROLLBACK=on", "--set=ON_ERROR_STOP=off"})
    psql->argv.emplace_back(option);
  psql->input = std::move(sql);
  const auto output = co_await run(services, std::move(*psql), kRestoreDeadline);
  if (!output) co_return fail(output.error());
  co_return Result<void>();
}

// A private file that is gone with the object.
class ScratchFile {
 public:
  explicit ScratchFile(std::string_view content) {
    std::string name = "/tmp/pgkeel-list-XXXXXX";
    const int fd = ::mkstemp(name.data());
    if (fd < 0) return;
    path_ = name;
    whole_ = ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size());
    ::close(fd);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  [[nodiscard]] bool whole() const { return whole_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool whole_ = false;
};

Task<Result<std::string>> script_of(Services* services, std::string dump, std::string list) {
  const ScratchFile list_file(list);
  if (!list_file.whole()) co_return fail(ErrorCode::Io, "could not write a list file in /tmp");
  auto restore = client_program(*services, "pg_restore");
  if (!restore) co_return fail(restore.error());
  restore->run_as.reset();  // reads and writes nothing of the server's
  restore->argv.push_back("--use-list=" + list_file.path());
  restore->argv.emplace_back("--file=-");
  restore->input = std::move(dump);
  auto script = co_await run(services, std::move(*restore), kRestoreDeadline);
  co_return script;
}

}  // namespace

Task<Result<std::string>> dump_definitions(Services* services, std::string database) {
  auto dump = client_program(*services, "pg_dump");
  if (!dump) co_return fail(dump.error());
  connect_to(*dump, *services, database);
  dump->argv.emplace_back("--schema-only");
  dump->argv.emplace_back("--format=custom");
  auto output = co_await run(services, std::move(*dump), kDumpDeadline);
  co_return output;
}

Task<Result<void>> restore_definitions(Services* services, std::string database, std::string dump) {
  auto restore = client_program(*services, "pg_restore");
  if (!restore) co_return fail(restore.error());
  restore->run_as.reset();
  restore->argv.emplace_back("--file=-");
  restore->input = std::move(dump);
  auto script = co_await run(services, std::move(*restore), kRestoreDeadline);
  if (!script) co_return fail(script.error());
  auto ran = co_await run_sql(services, database, std::move(*script));
  co_return ran;
}

Task<Result<void>> restore_table_definition(Services* services, std::string database,
                                            std::string dump, std::string schema,
                                            std::string table) {
  auto restore = client_program(*services, "pg_restore");
  if (!restore) co_return fail(restore.error());
  restore->run_as.reset();
  restore->argv.emplace_back("--list");
  restore->argv.emplace_back("--verbose");
  restore->input = dump;
  const auto listing = co_await run(services, std::move(*restore), kRestoreDeadline);
  if (!listing) co_return fail(listing.error());
  std::string list;
  for (const auto& line : toc_lines_for(parse_toc(*listing), schema, table)) list += line + "\n";
  if (list.empty()) {
    co_return fail(ErrorCode::NotFound,
                   fmt::format("the definition of {}.{} is not in the last dump", schema, table));
  }
  auto script = co_await script_of(services, std::move(dump), std::move(list));
  if (!script) co_return fail(script.error());
  auto ran = co_await run_sql(services, database, std::move(*script));
  co_return ran;
}

}  // namespace pgkeel::recover
