// Where a server is and who we are there: libpq's two forms of connection string, URI and
// keyword=value (PostgreSQL documentation, "Connection Strings"), as one value.
// It guarantees: a parsed value writes back to a string libpq reads the same way; several hosts are
// kept; no secret appears in redacted(), nor in any error of this file.
// It refuses to read the environment, service files and password files; libpq does.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pgkeel::pg {

/// Longer than any sane list of hosts and certificates' paths.
inline constexpr std::size_t kConninfoBytesMax = 16384;

struct ConninfoHost {
  std::string host;        ///< a name, an address, or a socket directory (starts with '/' or '@')
  std::uint16_t port = 0;  ///< 0: libpq's default
  friend bool operator==(const ConninfoHost&, const ConninfoHost&) = default;
};

struct Conninfo {
  std::string host;  ///< as given; several separated by commas
  std::string port;  ///< as given; one for all hosts, or as many as hosts
  std::string user;
  std::string password;                        ///< a secret
  std::string database;                        ///< "dbname" to libpq
  std::map<std::string, std::string> options;  ///< every other keyword libpq knows
  /// Query parameters of a URI that libpq does not know and that were dropped: by name where the
  /// name is a well-known one of another driver (`schema`), else "parameter 3", as a name nobody
  /// knows may be the rest of a password.
  std::vector<std::string> ignored;

  /// The hosts one by one; a single port counts for all of them. Empty when no host was given.
  [[nodiscard]] std::vector<ConninfoHost> hosts() const;

  /// "host='/run/pg' port='5432' dbname='app'": libpq reads it back to the same values. Holds the
  /// password: never for logs.
  [[nodiscard]] std::string to_keyword_value() const;

  /// The same with every secret as "***": for logs, reports and `config show`.
  [[nodiscard]] std::string redacted() const;

  friend bool operator==(const Conninfo&, const Conninfo&) = default;
};

/// Either form. "postgresql+driver://" is read as "postgresql://", as ORMs write it. BadConninfo
/// says what is wrong and where, never quoting a value.
[[nodiscard]] Result<Conninfo> parse_conninfo(std::string_view text);

/// Whether the value of this libpq keyword must never be shown.
[[nodiscard]] bool is_secret_keyword(std::string_view keyword);

}  // namespace pgkeel::pg
