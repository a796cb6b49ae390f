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
  Millis in_doubt{1'000};  ///< the login interval while something looks wrong
  Millis timeout{2'000};   ///< one probe
  /// Rare: each write may make an idle server switch WAL segments. 0: never.
  Millis write_every{60'000};
  Millis watch_every{500};  ///< relations and databases; 0: with each login, no session is kept
  pg::Conninfo conninfo;    ///< to the maintenance database, over the path clients use
  /// The port, and where its sockets are, are what the running server says; else what conninfo
  /// says.
  bool follows_port = false;
  bool follows_socket = false;
  std::optional<runtime::Account> connect_as;  ///< for peer authentication
  WallTime engine_events_since;  ///< what a container engine is asked for that was missed
  std::vector<std::string> watched_databases;  ///< always watched; others as far as there is room
  [[nodiscard]] bool keeps_sessions() const { return watch_every > Millis{0}; }
};

/// A configuration file as it was when the server last ran well.
struct GoodFile {
  std::string path;
  std::string content;
};

}  // namespace pgkeel::sense
