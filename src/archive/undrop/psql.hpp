// SQL and dumps through PostgreSQL's own client programs, for what a session of ours is no match
// for: scripts with COPY data in them, answers that take an hour. Run without a shell; the password
// goes through the environment; blocking.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "archive/programs/place.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "pg/conninfo.hpp"
#include "runtime/account.hpp"
#include "runtime/process.hpp"

namespace pgkeel::archive {

/// Of sessions in the live server, by which what a killed undrop left is known.
inline constexpr const char* kUndropName = "pgkeel undrop";

/// A server, whom to connect as, and the programs to do it with.
struct ClientSide {
  pg::Conninfo conninfo;
  std::optional<runtime::Account> account = {};
  ProgramPlace programs;
  std::stop_token stop = {};
};

/// What psql wrote: on stdout, and its errors and warnings.
struct PsqlOutput {
  std::string out;
  std::string err;
};

/// How every session of ours begins: what rows and names look like, and how long they may take,
/// must not depend on what ALTER DATABASE or ALTER ROLE says there.
extern const char* const kSameForms;
/// A quote ($tag$) for the body of a DO that holds `text`, which does not end it.
[[nodiscard]] std::string dollar_tag(std::string_view text);

/// Runs the script in `database`; the first error ends it (Query, with the server's words).
Result<PsqlOutput> run_psql(const ClientSide& side, const std::string& database,
                            std::string script);
/// A query that answers with one JSON value; null when there is no row. Malformed.
Result<nlohmann::json> ask_json(const ClientSide& side, const std::string& database,
                                std::string query);
/// The same of several at once, in one session: an answer for each script of `queries`, in order.
Result<std::vector<nlohmann::json>> ask_all(const ClientSide& side, const std::string& database,
                                            const std::vector<std::string>& queries);
/// psql that runs `script`, a file: for who starts it himself.
Result<runtime::ProcessSpec> psql_program(const ClientSide& side, const std::string& database,
                                          const std::filesystem::path& script);
/// What it wrote, or in its words what went wrong: ConnectionLost, Query.
Result<PsqlOutput> outcome_of(std::string_view program, Result<runtime::ProcessOutput> ended);
/// Nothing here may end while it works; a day is longer than any table takes.
inline constexpr Seconds kProgramPatience{86'400};

/// Scripts, in this order: tables and types; the values of sequences, large objects (in
/// transactions of their own); indexes, constraints, triggers.
struct DefinitionFiles {
  std::filesystem::path before_rows;
  std::filesystem::path values;
  std::filesystem::path behind_rows;
};
/// Of definitions: what they are made of, and where they go.
struct Definitions {
  std::vector<std::string> options;
  std::vector<std::string> foreign_keys;  ///< their names: what is said of them stays out as well
  DefinitionFiles files;                  ///< the first with .dump and .list behind it meanwhile
  bool with_foreign_keys = false;
};
Result<void> dump_definitions(const ClientSide& side, const std::string& database,
                              const Definitions& wanted);
/// Whether a line of pg_restore's table of contents is a foreign key, or a comment on one of these.
[[nodiscard]] bool lists_foreign_key(std::string_view line,
                                     const std::vector<std::string>& foreign_keys);

}  // namespace pgkeel::archive
