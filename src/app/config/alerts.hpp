// What must hold between the tables of [[alert]] and [escalate]; single values are the table of
// keys' business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"

namespace pgkeel::app {

/// What a step of [escalate] means by a name: the channel called so; else those of that kind; else,
/// of "NAME:ADDRESS", the email channel of that name or kind with another addressee. Each is called
/// as alerts.hpp of `notify` will call it. Empty: there is none. "log" is itself.
struct NamedChannel {
  std::string name;
  const AlertConfig* alert = nullptr;  ///< null: the log
  std::string to;                      ///< the addressee named; empty: the channel's own
};
[[nodiscard]] std::vector<NamedChannel> channels_named(const Config& config, std::string_view name);

/// Every contradiction, one ConfigBadValue each: a channel without what its kind needs, two of one
/// name, a step that names no channel (with the nearest
/// name).
[[nodiscard]] std::vector<Error> check_alerts(const Config& config);

}  // namespace pgkeel::app
