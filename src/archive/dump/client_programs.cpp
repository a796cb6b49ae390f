// See client_programs.hpp.
#include "archive/dump/client_programs.hpp"

#include <fmt/format.h>

#include "instance/binaries.hpp"
#include "pg/control_file.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr Millis kVersionPatience{10'000};
constexpr std::size_t kWordsMax = 2000;  // of a program's own, quoted
constexpr const char* kName = "pgkeel dump";

// What makes libpq go elsewhere than it is told.
constexpr const char* kRemoved[] = {"PGHOST",    "PGHOSTADDR", "PGPORT",    "PGDATABASE", "PGUSER",
                                    "PGSERVICE", "PGOPTIONS",  "PGAPPNAME", "PGPASSWORD"};

std::optional<ClientPrograms> look(const fs::path& dir, int major_least) {
  auto found = ask_client_programs({dir, {}}, major_least);
  return found ? std::optional(*std::move(found)) : std::nullopt;
}

}  // namespace

Result<ClientPrograms> ask_client_programs(const ProgramPlace& place, int major) {
  runtime::ProcessSpec spec;
  spec.argv = place.command("pg_dump");
  spec.argv.emplace_back("--version");
  TRY(process, runtime::PipedProcess::start(spec, runtime::PipedProcess::Stream::ToProgram, {}));
  TRY(output, process.finish(kVersionPatience));
  TRY_VOID(ended_well(output, "pg_dump --version"));
  TRY(found, instance::parse_server_version(output.out));
  if (found < major)
    return fail(ErrorCode::MissingBinary,
                fmt::format("pg_dump is of PostgreSQL {}, {} or newer is needed", found, major));
  return ClientPrograms{place, output.out.substr(0, output.out.find('\n')), found};
}

Result<ClientPrograms> find_client_programs(int major, const fs::path& preferred) {
  if (!preferred.empty())
    if (auto found = look(preferred, major)) return *std::move(found);
  for (int each = major; each <= pg::kMajorMax; ++each)
    for (const auto& dir : instance::usual_bin_dirs(each))
      if (auto found = look(dir, major)) return *std::move(found);
  if (auto found = look("/usr/local/bin", major)) return *std::move(found);
  if (auto found = look("/usr/bin", major)) return *std::move(found);
  return fail(Error(ErrorCode::MissingBinary,
                    fmt::format("no pg_dump of PostgreSQL {} or newer is installed here", major))
                  .with_hint(fmt::format("Install the client programs (postgresql-client-{}); an "
                                         "older pg_dump cannot dump a newer server.",
                                         major)));
}

runtime::ProcessSpec client_process(const ClientPrograms& programs, std::string_view program,
                                    const DumpServer& server, const std::string& database) {
  runtime::ProcessSpec spec;
  // An image's run as the account that its container was made for.
  if (programs.place.via.empty()) spec.run_as = server.connect_as;
  spec.working_dir = "/";
  for (const auto* name : kRemoved) spec.environment_removed.emplace_back(name);
  auto conninfo = server.conninfo;
  conninfo.database = database;
  conninfo.options["application_name"] = kName;
  if (!conninfo.password.empty()) spec.environment.emplace_back("PGPASSWORD", conninfo.password);
  conninfo.password.clear();
  // Other secrets no variable takes: a key that needs one is an error of the program's own.
  std::erase_if(conninfo.options,
                [](const auto& option) { return pg::is_secret_keyword(option.first); });
  spec.argv = programs.place.command(program);
  spec.argv.emplace_back("--no-password");
  spec.argv.push_back("--dbname=" + conninfo.to_keyword_value());
  return spec;
}

Result<void> ended_well(const runtime::ProcessOutput& output, std::string_view program) {
  if (output.exit.ok()) return {};
  auto words = output.err.substr(0, kWordsMax);
  while (words.ends_with('\n')) words.pop_back();
  const auto name = program.substr(0, program.find(' '));
  if (!words.starts_with(name))  // most programs begin with their own name
    words = fmt::format("{}: {}", program, words.empty() ? output.exit.describe() : words);
  return fail(ErrorCode::ChildFailed, std::move(words));
}

}  // namespace pgkeel::archive
