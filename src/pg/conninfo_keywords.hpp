// The keywords of libpq 18's connection strings, and those of other drivers that show up in
// DATABASE_URL. Private to conninfo.cpp and its parsers.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace pgkeel::pg {

/// PQconninfoOptions of libpq 18; an older libpq refuses the newest of them itself.
inline constexpr auto kLibpqKeywords = std::to_array<std::string_view>({
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "options",
    "passfile",
    "password",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslkeylogfile",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
});

inline constexpr auto kSecretKeywords = std::to_array<std::string_view>({
    "oauth_client_secret",
    "password",
    "scram_client_key",
    "scram_server_key",
    "sslpassword",
});

/// Prisma, SQLAlchemy, asyncpg, JDBC, Npgsql.
inline constexpr auto kForeignKeywords = std::to_array<std::string_view>({
    "async_fallback",
    "command_timeout",
    "connection_limit",
    "currentSchema",
    "max_cached_statement_lifetime",
    "pgbouncer",
    "pool_timeout",
    "prepareThreshold",
    "prepared_statement_cache_size",
    "schema",
    "socket_timeout",
    "sslaccept",
    "sslidentity",
    "statement_cache_size",
});

template <class Table>
[[nodiscard]] bool is_listed(const Table& table, std::string_view word) {
  return std::ranges::find(table, word) != table.end();
}

}  // namespace pgkeel::pg
