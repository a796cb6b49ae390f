// How often the senses look, and where. Intervals come from [sense]; the rest from the instance.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "pg/conninfo.hpp"
#include "runtime/account.hpp"

namespace pgkeel::sense {

struct Options {
  Millis login_every{5'000};
  Millis in_doubt{1'000};      ///< the login interval while something looks wrong
  Millis timeout{2'000};       ///< one probe
  Millis write_every{60'000};  ///< rare: each write may make an idle server switch WAL segments
  Millis watch_every{500};     ///< relations and databases
  pg::Conninfo conninfo;       ///< to the maintenance database, over the path clients use
  std::optional<runtime::Account> connect_as;  ///< for peer authentication
  std::vector<std::string> watched_databases;  ///< always watched; others as far as there is room
};

/// A configuration file as it was when the server last ran well.
struct GoodFile {
  std::string path;
  std::string content;
};

}  // namespace pgkeel::sense
