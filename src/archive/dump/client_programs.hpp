// PostgreSQL's own pg_dump, pg_dumpall and pg_restore, of a version at least as new as what they
// are asked to read, and how they are told where the server is: never with a password in their
// words.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "archive/programs/place.hpp"
#include "pg/conninfo.hpp"
#include "runtime/piped_process.hpp"

namespace pgkeel::archive {

/// A server and whom to connect as.
struct DumpServer {
  pg::Conninfo conninfo;  ///< may hold a password
  std::optional<runtime::Account> connect_as = {};
};

struct ClientPrograms {
  ProgramPlace place;
  std::string version;  ///< "pg_dump (PostgreSQL) 15.14"
  int major = 0;
};

/// The nearest version that is at least `major`: `preferred` first, then where packages put them,
/// then PATH's. MissingBinary says which is needed.
[[nodiscard]] Result<ClientPrograms> find_client_programs(int major,
                                                          const std::filesystem::path& preferred);

/// Those of that place. MissingBinary unless they are of `major` or newer.
[[nodiscard]] Result<ClientPrograms> ask_client_programs(const ProgramPlace& place, int major);

/// `program` against `database` of the server, without a password on its command line.
[[nodiscard]] runtime::ProcessSpec client_process(const ClientPrograms& programs,
                                                  std::string_view program,
                                                  const DumpServer& server,
                                                  const std::string& database);

/// Of one block that a program writes or takes: a lock may be waited for, a large index built.
inline constexpr Millis kClientPatience{24 * 3'600'000};

/// ChildFailed with the program's own last words unless it ended well.
[[nodiscard]] Result<void> ended_well(const runtime::ProcessOutput& output,
                                      std::string_view program);

}  // namespace pgkeel::archive
