// A relation or a database that a client asked for and that is not there, by the server's log:
// what is gone is wanted back. It refuses to take a DROP of what is gone for a wish.
#pragma once

#include <optional>

#include "sense/observation.hpp"

namespace pgkeel::sense {

/// nullopt for any other event, and where the words are of a language it does not know.
[[nodiscard]] std::optional<AskedFor> asked_for(const LogEvent& event, SteadyTime at);

/// Of the same name the newest; kAskedForKept names.
void note_asked_for(std::vector<AskedFor>& asked, AskedFor one);

}  // namespace pgkeel::sense
