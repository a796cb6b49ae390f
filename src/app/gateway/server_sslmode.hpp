// What a connection string says of TLS, read as libpq reads it (its documentation, "SSL Support"),
// so that the gateway's connections to the server are as safe as the guard's own.
// It guarantees: a mode that verifies never becomes one that does not. It refuses to try in clear
// first: `allow` is taken for `prefer`.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "app/gateway/orders.hpp"

namespace pgkeel::app {

[[nodiscard]] std::string_view to_string(SslMode mode);
/// Nothing: no such word.
[[nodiscard]] std::optional<SslMode> parse_sslmode(std::string_view word);

/// `host`: where the gateway connects to. None said: prefer, as by libpq, but nothing on this very
/// host, where it would only cost. ConfigBadValue: a word that libpq does not know.
[[nodiscard]] Result<SslMode> sslmode_of(const pg::Conninfo& server, std::string_view host);

/// sslrootcert, or the file libpq takes without one; empty where no file is read.
[[nodiscard]] std::filesystem::path authorities_file(const pg::Conninfo& server, SslMode mode);

}  // namespace pgkeel::app
