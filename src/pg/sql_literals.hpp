// A statement as it may be shown: its shape without what the users put into it. Strings, numbers
// and comments of any statement, whole or cut off, become "?"; names and $1 stay.
// It guarantees: nothing that stood between quotes of a value survives; linear; bounded.
#pragma once

#include <string>
#include <string_view>

namespace pgkeel::pg {

/// One line of at most `most` bytes, white space folded, "..." behind what was cut. Names in double
/// quotes are kept. Follows the server's lexer (psqlscan.l) as far as literals go: doubled quotes,
/// E'\'', $tag$...$tag$, nested comments. After a plain string with a backslash before a quote
/// nothing more is shown: standard_conforming_strings, which is not known, says where it ends.
[[nodiscard]] std::string hide_literals(std::string_view sql, std::size_t most);

}  // namespace pgkeel::pg
