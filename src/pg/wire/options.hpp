// The start-up parameter "options" (PGOPTIONS): a server's command line in one string, and the
// settings it makes. A gateway must know them, or a pooled server would keep another client's.
// Follows pg_split_opts() in src/backend/utils/init/postinit.c and process_postgres_switches() in
// src/backend/tcop/postgres.c.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pgkeel::pg::wire {

struct Setting {
  std::string name;  ///< as given, with "_" for "-"; in any case
  std::string value;
  friend bool operator==(const Setting&, const Setting&) = default;
};

/// The words of it: cut at white space that has no backslash before it; a backslash makes the next
/// character plain.
[[nodiscard]] std::vector<std::string> split_options(std::string_view options);

/// The settings in the order they are made: the last of a name counts. Takes "-c name=value" and
/// "--name=value", and the letters that stand for a setting a session may make. Malformed: a switch
/// without its value, a word that is no switch, a letter that is none or that no session may use.
[[nodiscard]] Result<std::vector<Setting>> parse_options(std::string_view options);

}  // namespace pgkeel::pg::wire
