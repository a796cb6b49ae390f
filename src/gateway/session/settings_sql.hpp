// Settings as SQL: what makes a server's session of one set into one of another, and what asks a
// server which set its session has.
// It guarantees: the text is ASCII whatever the values hold, is read alike under any
// standard_conforming_strings, client_encoding and search_path, and is bounded.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "gateway/session/settings.hpp"

namespace pgkeel::gateway {

/// One SELECT for a simple query, of one row that nobody needs; empty where nothing is to be done.
/// `encoding`: the client_encoding in which `to` was given. All or nothing: where the server
/// refuses one value, the session has none of the new ones. set_config(name, NULL, false) is RESET.
/// A role comes off first and is put on last: what follows it may be forbidden to it. A placeholder
/// ("app.user") that is reset is empty, not unknown.
[[nodiscard]] std::string settings_difference(const SettingsSet& from, const SettingsSet& to,
                                              std::string_view encoding);

/// A SELECT of name and value, of these alone: a fortieth of what settings_query() costs, which has
/// the server list all it has. `names` in ASCII.
[[nodiscard]] std::string named_settings_query(std::span<const std::string> names);

/// A SELECT of name and value, for SettingsTable::observed(): what the session has set, its role,
/// and the placeholders in `before` and in `names` (without a dot a name is no placeholder), which
/// pg_settings does not list. Values are in base units; numbers of floating point have six digits,
/// as the server shows no more. For a session outside of a transaction.
[[nodiscard]] std::string settings_query(const SettingsSet& before,
                                         std::span<const std::string_view> names);

}  // namespace pgkeel::gateway
