// A statement as the admin console shows it: without its literals, which may be what nobody else is
// to read, without comments, and no longer than a line.
#pragma once

#include <string>

#include "gateway/sql/lexer.hpp"

namespace pgkeel::gateway::sql {

inline constexpr std::size_t kShownTextMost = 200;

/// `?` stands for a literal and `$` for a parameter; `...` for what does not fit or cannot be read
/// for certain.
[[nodiscard]] std::string shown_text(std::string_view sql, LexicalRules rules);

}  // namespace pgkeel::gateway::sql
