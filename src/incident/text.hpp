// The shape of text for storing and showing. Server messages come in any encoding and may carry
// control characters; what is stored is always UTF-8 (or JSON could not hold it), what is shown
// never moves a terminal's cursor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeel::incident {

/// Bytes that are not UTF-8 are replaced by U+FFFD, one each; NUL too.
[[nodiscard]] std::string valid_utf8(std::string_view text);
/// One line: line ends and tabs become a space, other control characters "?".
[[nodiscard]] std::string one_line(std::string_view text);
/// At most `bytes` of UTF-8, cut between two characters.
[[nodiscard]] std::string cut_at_character(std::string text, std::size_t bytes);
/// Columns on a terminal, counting every code point as one.
[[nodiscard]] std::size_t columns_of(std::string_view text);
/// Broken at spaces into lines of at most `width` columns; a longer word is cut. At least one line.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t width);

}  // namespace pgkeel::incident
