// See unit_journal.hpp; fields are those of systemd.journal-fields(7).
#include "instance/unit_journal.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "instance/systemd_scope.hpp"
#include "runtime/process.hpp"

namespace pgkeel::instance {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMessageBytesMax = 64U << 10U;
constexpr std::size_t kJournalLineMax = 256U << 10U;

std::string_view take_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  const auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

std::string text_of(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Text, or the bytes of what is no UTF-8.
std::string message_of(const Json& entry) {
  auto message = text_of(entry, "MESSAGE");
  const auto found = entry.find("MESSAGE");
  if (found != entry.end() && found->is_array())
    for (const auto& byte : *found) {
      if (!byte.is_number_unsigned() || message.size() >= kMessageBytesMax) break;
      message += static_cast<char>(byte.get<std::uint8_t>());
    }
  message.resize(std::min(message.size(), kMessageBytesMax));
  std::ranges::replace(message, '\n', ' ');
  return message;
}

std::int64_t number_in(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool has_time(std::string_view message) {
  return message.size() > 10 && message[4] == '-' && message[7] == '-' && message[0] == '2';
}

// "2026-11-21 10:00:00.123 UTC [77] ", as the server's own default prefix has it.
std::string prefix_of(const Json& entry) {
  const auto micros = number_in(text_of(entry, "__REALTIME_TIMESTAMP"));
  auto time = to_iso8601(WallTime{std::chrono::microseconds(micros)});
  if (micros <= 0 || time.size() < 24) return {};
  time[10] = ' ';
  time.pop_back();
  return fmt::format("{} UTC [{}] ", time, text_of(entry, "_PID"));
}

std::string value_of(std::string_view shown, std::string_view name) {
  while (!shown.empty()) {
    const auto line = take_line(shown);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=')
      return std::string(line.substr(name.size() + 1, 200));
  }
  return {};
}

runtime::Task<Result<std::string>> said_by(runtime::Loop* loop, std::vector<std::string> argv) {
  if (!systemd_runs()) co_return fail(ErrorCode::NotFound, "systemd does not run here");
  runtime::ProcessSpec spec;
  const auto name = argv.front();
  spec.argv = std::move(argv);
  CO_TRY(said, co_await runtime::run_process(*loop, std::move(spec), loop->after(kJournalMost)));
  if (said.exit.ok()) co_return std::move(said.out);
  co_return fail(ErrorCode::NotFound,
                 fmt::format("{}: {} {}", name, said.exit.describe(), said.err.substr(0, 300)));
}

}  // namespace

std::string UnitState::describe() const {
  auto text = fmt::format("{} ({})", active, sub);
  if (!result.empty() && result != "success") text += ", result " + result;
  if (!exit_code.empty() && exit_code != "0")
    text += fmt::format(", main process {} ({})", exit_code, exit_status);
  if (restarts > 0) text += fmt::format(", restarted {} times", restarts);
  return text;
}

UnitState parse_unit_state(std::string_view unit, std::string_view shown) {
  UnitState state;
  state.unit = unit;
  state.active = value_of(shown, "ActiveState");
  state.sub = value_of(shown, "SubState");
  state.result = value_of(shown, "Result");
  // Numbers, unless systemd is asked for words: 1 exited, 2 killed, 3 dumped (SIGCHLD's codes).
  const auto code = number_in(value_of(shown, "ExecMainCode"));
  state.exit_code = code == 1 ? "exited" : code == 2 ? "killed" : code == 3 ? "dumped" : "";
  state.exit_status = value_of(shown, "ExecMainStatus");
  state.restarts = static_cast<int>(number_in(value_of(shown, "NRestarts")));
  return state;
}

std::string journal_as_log(std::string_view json_lines) {
  std::string log;
  for (std::size_t lines = 0; !json_lines.empty() && lines < kJournalLinesMax; ++lines) {
    const auto line = take_line(json_lines);
    if (line.size() > kJournalLineMax) continue;
    const auto entry = Json::parse(line, nullptr, false);
    if (!entry.is_object()) continue;
    const auto message = message_of(entry);
    if (message.empty()) continue;
    // What goes on begins with a tab and belongs to the line before it.
    if (message.front() != '\t' && !has_time(message)) log += prefix_of(entry);
    log += message + '\n';
  }
  return log;
}

runtime::Task<Result<UnitState>> unit_state(runtime::Loop* loop, std::string unit) {
  std::vector<std::string> argv = {
      "systemctl",  "show",
      "--property", "LoadState,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts",
      "--",         unit};
  CO_TRY(said, co_await said_by(loop, std::move(argv)));
  if (value_of(said, "LoadState") == "not-found")
    co_return fail(ErrorCode::NotFound, "systemd knows no unit " + unit);
  co_return parse_unit_state(unit, said);
}

runtime::Task<Result<std::string>> unit_log(runtime::Loop* loop, std::string unit, WallTime since) {
  const auto seconds = std::chrono::duration_cast<Seconds>(since.time_since_epoch()).count();
  std::vector<std::string> argv = {"journalctl",
                                   "--output=json",
                                   "--output-fields=MESSAGE,_PID",
                                   "--no-pager",
                                   "--quiet",
                                   fmt::format("--lines={}", kJournalLinesMax),
                                   fmt::format("--since=@{}", seconds),
                                   "--unit=" + unit};
  CO_TRY(said, co_await said_by(loop, std::move(argv)));
  if (said.empty())
    co_return fail(ErrorCode::NotFound,
                   "the journal has no line of " + unit + " of that time, or may not be read");
  co_return journal_as_log(said);
}

}  // namespace pgkeel::instance
