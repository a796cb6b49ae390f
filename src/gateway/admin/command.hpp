// What operators and dashboards type into the admin console: PgBouncer's commands, in its syntax.
// It guarantees: keywords in any case, one command a text, an optional semicolon. It refuses, with
// PgBouncer's words and SQLSTATE, what is no command, and says of those that are PgBouncer's only
// what to do instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::gateway::admin {

enum class Verb : std::uint8_t { Show, Pause, Resume, Reconnect, Kill, Reload };

enum class Topic : std::uint8_t {
  Help,
  Pools,
  Clients,
  Servers,
  Stats,
  StatsTotals,
  StatsAverages,
  Totals,
  Databases,
  Config,
  PreparedStatements,
  Lists,
  Users,
  Version,
  State,
};

struct Command {
  Verb verb = Verb::Show;
  Topic topic = Topic::Help;  ///< of Show
  std::string database = {};  ///< empty: all of them
};

/// The command in a Query's text. Usage (08P01): none, or too many words; NotSupported (0A000): one
/// of PgBouncer's that this console has not. Both carry the SQLSTATE and a hint for the client.
[[nodiscard]] Result<Command> parse_command(std::string_view text);

/// As PgBouncer says it of PAUSE, RESUME, RECONNECT and KILL.
[[nodiscard]] Error no_such_database(std::string_view name);
[[nodiscard]] Error not_paused(std::string_view database);
[[nodiscard]] Error already_paused();
/// Of a PAUSE that was under way when somebody took it back.
[[nodiscard]] Error pause_taken_back();

/// What CommandComplete calls it: "PAUSE".
[[nodiscard]] std::string_view tag_of(Verb verb);

}  // namespace pgkeel::gateway::admin
