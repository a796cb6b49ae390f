// Why a login failed. libpq hands out no SQLSTATE for a failed connect, but writes it into the text
// when asked to be verbose: "FATAL:  57P03: the database system is starting up". This reads it
// back. It works whatever lc_messages says, because only the shape is looked at; known English
// texts are the last resort for servers and poolers that send no code. Pure.
#pragma once

#include <string>
#include <string_view>

namespace pgkeel::client {

struct ConnectRefusal {
  std::string sqlstate;  ///< empty when no server said one (refused, unreachable, reset)
  std::string detail;    ///< one line for people
};

/// From PQerrorMessage of a connection with PQERRORS_VERBOSE. With several attempts in the text
/// (TLS, then without) the first SQLSTATE is kept: the second is a consequence.
[[nodiscard]] ConnectRefusal parse_connect_error(std::string_view text);

}  // namespace pgkeel::client
