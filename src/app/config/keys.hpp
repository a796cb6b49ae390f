// The one table of configuration keys. Parsing, validation, `pgkeel config show`, the suggestions
// for mistyped names and docs/reference/configuration.md are all made from it; a new key is one
// row.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config/value.hpp"

namespace pgkeel::app {

/// HoldsToken: a URL whose path or query is as good as a password; its server may be shown.
/// Secret: nothing of it is, and no flag carries it, because flags are seen by every user.
enum class Secrecy : std::uint8_t { Open, HoldsPassword, HoldsToken, Secret };
enum class Need : std::uint8_t { Optional, Required };  ///< Required: in each table of its list

/// Puts validated values into their member; false when they are not what the member takes.
using Into = bool (*)(Config& config, const Values& values);
/// The same for a key in a list of tables; rows count from 0.
using IntoRow = bool (*)(Config& config, std::size_t row, const Values& values);
/// The same where names are free: [escalate].
using IntoNamed = bool (*)(Config& config, std::string_view name, const Values& values);

struct KeyDefinition {
  /// "sense.login_every"; "alert[].kind" in a list of tables; "escalate.*" where names are free.
  std::string_view key;
  ValueType type = ValueType::Text;
  std::string_view fallback = {};       ///< default as text; empty: not set
  std::string_view fallback_note = {};  ///< for the reference, where the default depends on others
  std::string_view description = {};
  std::string_view choices = {};  ///< "act|advise", for Choice
  std::int64_t least = 0;         ///< for Count, and milliseconds for Duration
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  Secrecy secrecy = Secrecy::Open;
  Need need = Need::Optional;
  std::string_view zero_means = {};  ///< Duration: 0s is accepted beside the range, and means this
  Into into = nullptr;               ///< both null: read and checked, but not in effect yet
  IntoRow into_row = nullptr;        ///< instead of `into` for a key in a list of tables
  IntoNamed into_named = nullptr;    ///< instead of `into` for free names

  [[nodiscard]] bool in_effect() const {
    return into != nullptr || into_row != nullptr || into_named != nullptr;
  }
  [[nodiscard]] bool in_list() const { return key.find("[]") != std::string_view::npos; }
  [[nodiscard]] bool free_name() const { return key.ends_with(".*"); }
};

[[nodiscard]] std::span<const KeyDefinition> key_definitions();
/// The row of a key as defined ("alert[].kind", "escalate.*"); null when there is none.
[[nodiscard]] const KeyDefinition* find_key(std::string_view key);
/// Whether keys exist below it: "archive", "archive.offsite", "alert[]".
[[nodiscard]] bool is_section(std::string_view key);

/// "PGKEEL_ARCHIVE_STORE" for archive.store; empty for keys that only a file can hold.
[[nodiscard]] std::string environment_name(const KeyDefinition& definition);

/// Every key and section a person may write, for suggestions.
[[nodiscard]] std::vector<std::string> known_names();

/// What this key accepts, with its choices or range.
[[nodiscard]] std::string accepted(const KeyDefinition& definition);
/// ConfigBadValue's reason, or empty when the values are right.
[[nodiscard]] std::string objection(const KeyDefinition& definition, const Values& values,
                                    Shape shape);
/// The value as it may be shown: secrets masked.
[[nodiscard]] std::string shown_value(const KeyDefinition& definition, const Values& values);

}  // namespace pgkeel::app
