// The stderr form: "<log_line_prefix>SEVERITY:  message", continuation lines behind a tab, and
// DETAIL, HINT, CONTEXT, STATEMENT as lines of their own with the same prefix
// (src/backend/utils/error/elog.c, send_message_to_server_log). The prefix may be anything, so it
// is searched for what its usual escapes leave: %m %t, [%p], %e, %u@%d, user=%u db=%d app=%a.
#include <algorithm>
#include <array>
#include <optional>

#include "pg/log_decoder.hpp"
#include "pg/sqlstate.hpp"

namespace pgkeel::pg {
namespace {

constexpr std::string_view kMarkerEnd = ":  ";
// A prefix holds a time and a few names of at most 63 bytes each; what stands further back in a
// line is its message, and is not searched.
constexpr std::size_t kPrefixBytesMax = 1024;

struct PartWord {
  std::string_view word;
  std::string LogLine::* field;
};
constexpr auto kPartWords = std::to_array<PartWord>({
    {"DETAIL", &LogLine::detail},
    {"HINT", &LogLine::hint},
    {"CONTEXT", &LogLine::context},
    {"STATEMENT", &LogLine::statement},
    {"QUERY", nullptr},  // internal query, location and backtrace: read and dropped
    {"LOCATION", nullptr},
    {"BACKTRACE", nullptr},
});

const PartWord* find_part(std::string_view word) {
  const auto* found = std::ranges::find(kPartWords, word, &PartWord::word);
  return found == kPartWords.end() ? nullptr : found;
}

bool is_word_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// A line taken apart at "WORD:  ".
struct Parts {
  std::string_view prefix;
  std::string_view word;
  std::string_view text;
};

std::string_view word_before(std::string_view line, std::size_t end) {
  auto start = end;
  while (start > 0 && is_word_character(line[start - 1])) --start;
  return line.substr(start, end - start);
}

Parts cut_at(std::string_view line, std::size_t colon) {
  const auto word = word_before(line, colon);
  return {line.substr(0, colon - word.size()), word, line.substr(colon + kMarkerEnd.size())};
}

/// At the first word the server knows; else, behind a time, at the first word at all: in another
/// language it is a severity just the same.
std::optional<Parts> take_apart(std::string_view line) {
  std::optional<Parts> localized;
  for (auto colon = line.find(kMarkerEnd); colon != std::string_view::npos;
       colon = line.find(kMarkerEnd, colon + 1)) {
    if (colon > kPrefixBytesMax) break;
    const auto parts = cut_at(line, colon);
    if (severity_of(parts.word) != LogSeverity::Unknown || find_part(parts.word) != nullptr)
      return parts;
    if (!localized && starts_with_time(line) && !parts.word.empty()) localized = parts;
  }
  return localized;
}

/// "[4711]" or "[4711-3]": the first bracket that holds a process id.
pid_t bracketed_pid(std::string_view prefix) {
  for (auto open = prefix.find('['); open != std::string_view::npos;
       open = prefix.find('[', open + 1)) {
    const auto inside = prefix.substr(open + 1, prefix.find(']', open) - open - 1);
    if (const auto pid = pid_of(inside.substr(0, inside.find('-'))); pid > 0) return pid;
  }
  return 0;
}

/// "2026-11-21 03:04:05.123 UTC" at the front of the prefix.
std::optional<WallTime> time_in(std::string_view prefix) {
  if (!starts_with_time(prefix)) return std::nullopt;
  const auto zone = prefix.find(' ', prefix.find(' ') + 1);
  if (zone == std::string_view::npos) return std::nullopt;
  auto end = zone + 1;
  while (end < prefix.size() &&
         (is_word_character(prefix[end]) || prefix[end] == '+' || prefix[end] == '-'))
    ++end;
  return parse_log_time(prefix.substr(0, end));
}

/// The value of "user=" in "user=app,db=shop ": up to a comma, or to a blank where there is none.
std::string_view named_value(std::string_view prefix, std::string_view name) {
  const auto at = prefix.find(name);
  if (at == std::string_view::npos) return {};
  if (at > 0 && is_word_character(prefix[at - 1])) return {};
  const auto value = prefix.substr(at + name.size());
  const auto comma = value.find(',');
  return value.substr(0, comma != std::string_view::npos ? comma : value.find(' '));
}

bool is_gap(char c) { return c == ' ' || c == ',' || c == ':' || c == '[' || c == ']'; }

/// Calls `take` for each word between blanks, commas and colons, brackets around it dropped.
template <class Take>
void for_each_word(std::string_view prefix, Take take) {
  const auto* at = prefix.begin();
  while ((at = std::find_if_not(at, prefix.end(), is_gap)) != prefix.end()) {
    const auto* end = std::find_if(at, prefix.end(), is_gap);
    take(std::string_view(at, end));
    at = end;
  }
}

void read_who(std::string_view prefix, LogLine& line) {
  line.user = named_value(prefix, "user=");
  line.database = named_value(prefix, "db=");
  if (line.database.empty()) line.database = named_value(prefix, "database=");
  line.application = named_value(prefix, "app=");
  if (!line.user.empty() || !line.database.empty()) return;
  for_each_word(prefix, [&](std::string_view word) {
    if (!line.user.empty()) return;  // what follows is what the application calls itself
    // A role may be called like an address; a database hardly is.
    const auto at = word.rfind('@');
    if (at == std::string_view::npos || at == 0 || at + 1 == word.size()) return;
    line.user = word.substr(0, at);
    line.database = word.substr(at + 1);
  });
}

void read_prefix(std::string_view prefix, LogLine& line) {
  line.at = time_in(prefix);
  line.pid = bracketed_pid(prefix);
  read_who(prefix, line);
  const auto pid = std::to_string(line.pid);
  for_each_word(prefix, [&](std::string_view word) {
    if (const auto equals = word.find('='); equals != std::string_view::npos)
      word.remove_prefix(equals + 1);
    // Five digits may also be a process id; a code that has a name and is not that one is a state.
    if (word != pid && !sqlstate_name(word).empty()) line.sqlstate = word;
  });
}

class StderrDecoder final : public LogDecoder {
 protected:
  void take_line(std::string_view line, Whole, std::vector<LogLine>& out) override {
    if (line.starts_with('\t') && pending_) return add_line(line.substr(1));
    if (line.empty()) return;
    const auto parts = take_apart(line);
    if (!parts) return begin(unknown_line({}), line, out);
    const auto* part = find_part(parts->word);
    if (part != nullptr && pending_ && belongs(parts->prefix)) {
      field_ = part->field;
      return add_line(parts->text);
    }
    LogLine event;
    read_prefix(parts->prefix, event);
    event.severity = severity_of(parts->word);
    begin(std::move(event), parts->text, out);
  }

  void flush(std::vector<LogLine>& out) override {
    if (pending_) out.push_back(*std::move(pending_));
    pending_.reset();
    bytes_ = 0;
  }

 private:
  /// Processes write at the same time: a DETAIL of another process is not ours.
  [[nodiscard]] bool belongs(std::string_view prefix) const {
    return bracketed_pid(prefix) == pending_->pid;
  }

  void begin(LogLine event, std::string_view message, std::vector<LogLine>& out) {
    flush(out);
    pending_ = std::move(event);
    field_ = &LogLine::message;
    add_line(message);
  }

  void add_line(std::string_view text) {
    if (field_ == nullptr) return;
    auto& field = (*pending_).*field_;
    const std::size_t separator = field.empty() ? 0 : 1;
    if (bytes_ + separator >= kLogLineBytesMax) return;
    text = text.substr(0, kLogLineBytesMax - bytes_ - separator);
    field.append(separator, '\n');
    field += text;
    bytes_ += separator + text.size();
  }

  std::optional<LogLine> pending_;
  std::string LogLine::* field_ = nullptr;  ///< where continuation lines go; null: nowhere
  std::size_t bytes_ = 0;                   ///< held by pending_
};

}  // namespace

std::unique_ptr<LogDecoder> make_stderr_decoder() { return std::make_unique<StderrDecoder>(); }

}  // namespace pgkeel::pg
