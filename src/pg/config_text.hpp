// postgresql.conf and postgresql.auto.conf as text: `name = value` lines and includes, read by the
// server's own rules (src/backend/utils/misc/guc-file.l), so that port and socket directory are
// known before the server runs, and a line the server would refuse is named.
// It guarantees: never fails; a bad line becomes a fault and reading goes on behind it.
// It refuses to follow includes (that is I/O, the caller's) and to judge values (the server's).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeel::pg {

/// The server knows some 400 settings; this leaves room for repeats and extensions.
inline constexpr std::size_t kConfigSettingsMax = 10'000;
/// Faults beyond this say nothing new; the server stops at 100 as well (guc-file.l).
inline constexpr std::size_t kConfigFaultsMax = 100;

struct ConfigSetting {
  std::string name;   ///< lower case; "include", "include_dir", "include_if_exists" for includes
  std::string value;  ///< without its quotes, escapes resolved
  int line = 0;       ///< from 1
  friend bool operator==(const ConfigSetting&, const ConfigSetting&) = default;
};

struct ConfigFault {
  int line = 0;
  std::string what;  ///< "syntax error near token \"=\""
};

struct ConfigText {
  std::vector<ConfigSetting> settings;  ///< in the order of the file
  std::vector<ConfigFault> faults;      ///< with any of these the server refuses the whole file
};

[[nodiscard]] ConfigText parse_config_text(std::string_view text);

/// Whether this setting names another file or directory to read in its place.
[[nodiscard]] bool is_include(const ConfigSetting& setting);

/// The value in force: the last one wins. `name` in lower case.
[[nodiscard]] std::optional<std::string> find_setting(std::span<const ConfigSetting> settings,
                                                      std::string_view name);

/// `'value'` as a configuration file takes it: quotes doubled, backslashes too, newlines as \n.
[[nodiscard]] std::string quote_config_value(std::string_view value);

/// Splits a list value such as unix_socket_directories or listen_addresses: commas, blanks around
/// entries dropped, double-quoted entries kept whole.
[[nodiscard]] std::vector<std::string> split_config_list(std::string_view value);

}  // namespace pgkeel::pg
