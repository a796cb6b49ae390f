// spdlog carries the lines (thread-safe stderr sink); the form of a line is ours.
#include "base/log.hpp"

#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/time.hpp"

namespace pgkeel {
namespace {

// Long enough for a server's DETAIL, short enough that a flood cannot fill a disk by itself.
constexpr std::size_t kLogLineBytesMax = 8192;

struct LogState {
  LogFormat format = LogFormat::Text;
  std::shared_ptr<spdlog::logger> logger;
};

LogState& state() {
  static LogState the_state = [] {
    auto logger = std::make_shared<spdlog::logger>(
        "pgkeel", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::info);
    logger->flush_on(spdlog::level::debug);
    return LogState{LogFormat::Text, std::move(logger)};
  }();
  return the_state;
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return "debug";
    case LogLevel::Info: return "info";
    case LogLevel::Warning: return "warning";
    case LogLevel::Error: return "error";
  }
  return "info";
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return spdlog::level::debug;
    case LogLevel::Info: return spdlog::level::info;
    case LogLevel::Warning: return spdlog::level::warn;
    case LogLevel::Error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (c == '\n') out += "\\n";
    else if (byte < 0x20) out += fmt::format("\\u{:04x}", byte);
    else out += c;
  }
  out += '"';
}

// A value with a space, a quote or a control character is quoted so that a line stays one line.
bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \"=\n\r\t") != std::string_view::npos;
}

std::string format_text(LogLevel level, std::string_view timestamp, std::string_view event,
                        LogFields fields) {
  std::string line = fmt::format("{} {:<7} {}", timestamp, level_name(level), event);
  for (const auto& field : fields) {
    line += fmt::format("  {}=", field.name);
    if (needs_quotes(field.value)) append_json_string(line, field.value);
    else line += field.value;
  }
  return line;
}

std::string format_json(LogLevel level, std::string_view timestamp, std::string_view event,
                        LogFields fields) {
  std::string line =
      fmt::format(R"({{"at":"{}","level":"{}","event":)", timestamp, level_name(level));
  append_json_string(line, event);
  for (const auto& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    if (field.quoted) append_json_string(line, field.value);
    else line += field.value;
  }
  return line + "}";
}

void write(LogLevel level, std::string_view event, LogFields fields) {
  auto& log = state();
  const auto severity = spdlog_level(level);
  if (!log.logger->should_log(severity)) return;
  const auto line = format_log_line(log.format, level, to_iso8601(wall_now()), event, fields);
  log.logger->log(severity, "{}", line);
}

}  // namespace

void configure_log(LogFormat format, LogLevel least) {
  state().format = format;
  state().logger->set_level(spdlog_level(least));
}

std::string format_log_line(LogFormat format, LogLevel level, std::string_view timestamp,
                            std::string_view event, LogFields fields) {
  constexpr std::size_t kEventBytesMax = kLogLineBytesMax / 2;
  event = event.substr(0, kEventBytesMax);
  auto line = format == LogFormat::Json ? format_json(level, timestamp, event, fields)
                                        : format_text(level, timestamp, event, fields);
  if (line.size() <= kLogLineBytesMax) return line;
  if (format == LogFormat::Json)  // cut JSON is no JSON: drop the fields, keep the event
    return format_json(level, timestamp, event, {{"truncated", true}});
  line.resize(kLogLineBytesMax);
  return line + " ...";
}

void log_debug(std::string_view event, LogFields fields) { write(LogLevel::Debug, event, fields); }
void log_info(std::string_view event, LogFields fields) { write(LogLevel::Info, event, fields); }
void log_warning(std::string_view event, LogFields fields) {
  write(LogLevel::Warning, event, fields);
}
void log_error(std::string_view event, LogFields fields) { write(LogLevel::Error, event, fields); }

}  // namespace pgkeel
