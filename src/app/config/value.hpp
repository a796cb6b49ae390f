// The types a configuration value can have: what each accepts, in words and in code. Values travel
// as text (one element, or several for a list), because the environment and flags have nothing
// else; whoever needs a typed value reads it with read_value().
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.hpp"

namespace pgkeel::app {

using Values = std::vector<std::string>;

enum class ValueType {
  Text,
  Label,  ///< text or a number, as chat ids are
  Path,
  PathList,
  Duration,
  Size,
  Count,
  Ratio,
  Flag,
  Choice,
  TextList,
  TableList,
  Table,
  Conninfo,
  Listen,
  Restarts,
  Store,
  TimeOfDay,
  SyncOnLoss,
  Expectation,
  HttpUrl,
  MailServer,
  MailAddress,
};

/// "a duration such as 250ms, 5s, 2h or 7d"; for the reference and for errors.
[[nodiscard]] std::string_view accepted(ValueType type);
[[nodiscard]] bool is_list(ValueType type);

/// How the value was written, as far as the source knows types.
enum class Shape { Untyped, Text, Number, Flag, List, Other };
[[nodiscard]] bool fits(ValueType type, Shape shape);

/// Whether `text` is a value of the type. Choices and ranges are the key's own (keys.hpp).
[[nodiscard]] bool is_valid(ValueType type, const std::string& text);

/// Text to typed value, one overload for each type a Config member has. False when it is not one.
[[nodiscard]] bool read_value(const Values& values, std::string& into);
[[nodiscard]] bool read_value(const Values& values, std::filesystem::path& into);
[[nodiscard]] bool read_value(const Values& values, Millis& into);
[[nodiscard]] bool read_value(const Values& values, int& into);
[[nodiscard]] bool read_value(const Values& values, std::uint16_t& into);
[[nodiscard]] bool read_value(const Values& values, double& into);
/// A size in bytes.
[[nodiscard]] bool read_value(const Values& values, std::optional<std::uint64_t>& into);
[[nodiscard]] bool read_value(const Values& values, bool& into);
[[nodiscard]] bool read_value(const Values& values, std::vector<std::string>& into);
[[nodiscard]] bool read_value(const Values& values, std::vector<TableName>& into);
[[nodiscard]] bool read_value(const Values& values, RestartBudget& into);
[[nodiscard]] bool read_value(const Values& values, std::optional<ListenAddress>& into);
[[nodiscard]] bool read_value(const Values& values, Mode& into);
[[nodiscard]] bool read_value(const Values& values, MissingPolicy& into);
[[nodiscard]] bool read_value(const Values& values, FreshPolicy& into);
[[nodiscard]] bool read_value(const Values& values, UndropPolicy& into);
[[nodiscard]] bool read_value(const Values& values, GatewayPool& into);
[[nodiscard]] bool read_value(const Values& values, GatewayAuth& into);
[[nodiscard]] bool read_value(const Values& values, SocketTrust& into);
[[nodiscard]] bool read_value(const Values& values, ApplyPolicy& into);
[[nodiscard]] bool read_value(const Values& values, Durability& into);
[[nodiscard]] bool read_value(const Values& values, app::SyncOnLoss& into);
[[nodiscard]] bool read_value(const Values& values, LogFormat& into);
[[nodiscard]] bool read_value(const Values& values, LogLevel& into);
[[nodiscard]] bool read_value(const Values& values, incident::Severity& into);
[[nodiscard]] bool read_value(const Values& values, instance::Kind& into);

/// "a.b.c" into its parts; a part in double quotes may hold dots. Empty when it is not well formed.
[[nodiscard]] std::vector<std::string> split_name(std::string_view text);
/// At commas, spaces around the parts removed, empty parts dropped.
[[nodiscard]] Values split_list(std::string_view text);

}  // namespace pgkeel::app
