// From a conninfo to the places to knock at, one address each, and to the keywords libpq is given
// for one of them. Names are resolved on the blocking pool, because libpq would block the loop.
// Private to the room.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "client/connection.hpp"
#include "pg/conninfo.hpp"

namespace pgkeel::client {

/// One place to connect to; empty members are left to libpq.
struct ConnectTarget {
  std::string host;
  std::string address;  ///< numeric, so that libpq asks no resolver
  std::string port;
  [[nodiscard]] std::string label() const;  ///< "db1:5432"
};

/// The hosts of `conninfo` in order; one empty target when it names none.
[[nodiscard]] std::vector<ConnectTarget> connect_targets(const pg::Conninfo& conninfo);

/// The addresses of one target, in the resolver's order: itself when it is a socket directory or
/// numeric. ConnectionFailed when the name is unknown, TimedOut when the resolver is too slow (it
/// then finishes in the background).
runtime::Task<Result<std::vector<ConnectTarget>>> resolve_target(runtime::Loop* loop,
                                                                 ConnectTarget target, Limit limit);

using Keywords = std::vector<std::pair<std::string, std::string>>;
/// Everything libpq needs to connect to `target`. What the conninfo says wins over the options.
[[nodiscard]] Keywords startup_keywords(const pg::Conninfo& conninfo, const ConnectTarget& target,
                                        const ConnectOptions& options);

/// "-c name=value ..." with the escapes the server's parser undoes (backslash before space).
[[nodiscard]] std::string startup_options(
    const std::vector<std::pair<std::string, std::string>>& settings);

}  // namespace pgkeel::client
