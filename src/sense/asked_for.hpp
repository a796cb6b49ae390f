// A relation that an app asked for and that is not there, by the server's log: what is gone is
// wanted back. It refuses to take for a wish what drops, alters, locks or empties, what a person
// asks at a prompt, and what pgkeel asks itself; where the log does not have the statement it hears
// nothing.
#pragma once

#include <optional>

#include "pg/log_line.hpp"
#include "sense/observation.hpp"

namespace pgkeel::sense {

/// What statements of pgkeel's own that name people's tables begin with.
inline constexpr std::string_view kOwnStatement = "/* pgkeel */ ";

/// nullopt for any other line, and where its words are of a language it does not know.
[[nodiscard]] std::optional<AskedFor> asked_for(const pg::LogLine& line, SteadyTime at);

/// Of the same name the newest; kAskedForKept names.
void note_asked_for(std::vector<AskedFor>& asked, AskedFor one);

}  // namespace pgkeel::sense
