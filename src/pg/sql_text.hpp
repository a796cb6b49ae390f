// Names and values as SQL text, for the few statements that cannot take parameters (DDL, SET,
// replication commands). Everything else passes values as parameters.
// It guarantees: the result is one token to a server with standard_conforming_strings on or off.
// It refuses a zero byte, which no PostgreSQL text may hold.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::pg {

/// `"Name"` with inner quotes doubled. Always quoted, so keywords and capitals are safe. Malformed
/// when empty or holding a zero byte. Names over 63 bytes are the server's to cut or refuse.
[[nodiscard]] Result<std::string> quote_identifier(std::string_view name);
/// `"schema"."relation"`.
[[nodiscard]] Result<std::string> quote_qualified(std::string_view schema,
                                                  std::string_view relation);
/// `'value'` with inner quotes doubled, or ` E'va\\lue'` when there is a backslash (as
/// PQescapeLiteral() in libpq does). Malformed when it holds a zero byte.
[[nodiscard]] Result<std::string> quote_literal(std::string_view value);

}  // namespace pgkeel::pg
