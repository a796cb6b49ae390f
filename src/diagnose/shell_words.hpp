// Names in the commands a hint tells people to run: whoever may create a database chooses its name,
// and the person who pastes the command is root. Pure.
#pragma once

#include <string>
#include <string_view>

namespace pgkeel::diagnose {

/// One word to a POSIX shell, whatever it holds; as it is where nothing in it means anything there.
[[nodiscard]] std::string shell_word(std::string_view text);
/// "--dbname=shop" for PostgreSQL's programs, which read a connection string in a name that looks
/// like one (PQconnectdbParams, expand_dbname).
[[nodiscard]] std::string dbname_option(std::string_view database);

}  // namespace pgkeel::diagnose
