// A text that is one DEALLOCATE of one statement, and nothing else: the client may have prepared
// that statement by the protocol, where its name is the gateway's to keep.
// It guarantees: of a text that the server would read otherwise, or refuse, nothing is said. It
// refuses what it would have to guess: U&"..." and names with letters beyond ASCII outside of
// quotes, whose case the server folds by its locale.
#pragma once

#include <optional>
#include <string>

#include "gateway/sql/lexer.hpp"

namespace pgkeel::gateway::sql {

/// No text of one DEALLOCATE is longer: two words, a name, a comment of a driver's.
inline constexpr std::size_t kDeallocateBytesMost = 512;

/// The name as the server would look for it; nothing for DEALLOCATE ALL.
[[nodiscard]] std::optional<std::string> deallocated_name(std::string_view sql, LexicalRules rules);

}  // namespace pgkeel::gateway::sql
