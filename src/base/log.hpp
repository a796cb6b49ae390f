// The structured log: an event in words, then fields. Text for people on stderr, one JSON object a
// line with --log-format json. Lines are bounded; secrets are never passed in (conninfo and
// environment are redacted by their owners before they reach a field).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace pgkeel {

enum class LogLevel { Debug, Info, Warning, Error };
enum class LogFormat { Text, Json };

/// A named value of a log line. Numbers and booleans stay unquoted in JSON.
struct LogField {
  std::string_view name;
  std::string value;
  bool quoted = true;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(v) {}
  LogField(std::string_view n, bool v) : name(n), value(v ? "true" : "false"), quoted(false) {}
  template <class Number>
    requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>)
  LogField(std::string_view n, Number v) : name(n), value(std::to_string(v)), quoted(false) {}
};

using LogFields = std::initializer_list<LogField>;

/// Call once, before the first line; the default is text at Info.
void configure_log(LogFormat format, LogLevel least);

void log_debug(std::string_view event, LogFields fields = {});
void log_info(std::string_view event, LogFields fields = {});
void log_warning(std::string_view event, LogFields fields = {});
void log_error(std::string_view event, LogFields fields = {});

/// One line as it is written, for tests and for writers other than stderr.
[[nodiscard]] std::string format_log_line(LogFormat format, LogLevel level,
                                          std::string_view timestamp, std::string_view event,
                                          LogFields fields);

}  // namespace pgkeel
