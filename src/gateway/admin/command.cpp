// See command.hpp. The recorded answers of a PgBouncer are in test/data/pgbouncer/console.txt.
#include "gateway/admin/command.hpp"

#include <algorithm>
#include <array>

namespace pgkeel::gateway::admin {
namespace {

constexpr std::string_view kProtocolViolation = "08P01";  // what PgBouncer says of all its errors
constexpr std::string_view kFeatureNotSupported = "0A000";
constexpr std::string_view kQueryCanceled = "57014";
constexpr std::string_view kBlanks = " \t\r\n\f\v";
constexpr std::string_view kHelpHint = "SHOW HELP lists the commands.";
// Of a text that is no command so much is shown: a line of a log.
constexpr std::size_t kShownBytesMost = 200;

enum class Argument : std::uint8_t { None, Database, Topic };

struct VerbRow {
  std::string_view word;
  Verb verb;
  Argument argument;
};
constexpr VerbRow kVerbs[] = {
    {"SHOW", Verb::Show, Argument::Topic},
    {"PAUSE", Verb::Pause, Argument::Database},
    {"RESUME", Verb::Resume, Argument::Database},
    {"RECONNECT", Verb::Reconnect, Argument::Database},
    {"KILL", Verb::Kill, Argument::Database},
    {"RELOAD", Verb::Reload, Argument::None},
};

struct TopicRow {
  std::string_view word;
  Topic topic;
};
constexpr TopicRow kTopics[] = {
    {"HELP", Topic::Help},
    {"POOLS", Topic::Pools},
    {"CLIENTS", Topic::Clients},
    {"SERVERS", Topic::Servers},
    {"STATS", Topic::Stats},
    {"STATS_TOTALS", Topic::StatsTotals},
    {"STATS_AVERAGES", Topic::StatsAverages},
    {"TOTALS", Topic::Totals},
    {"DATABASES", Topic::Databases},
    {"CONFIG", Topic::Config},
    {"PREPARED_STATEMENTS", Topic::PreparedStatements},
    {"LISTS", Topic::Lists},
    {"USERS", Topic::Users},
    {"VERSION", Topic::Version},
    {"STATE", Topic::State},
};

// PgBouncer's, and what does it here.
struct Missing {
  std::string_view word;
  std::string_view hint;
};
constexpr Missing kMissingVerbs[] = {
    {"SET", "Change the configuration file and use RELOAD."},
    {"SUSPEND", "Use PAUSE."},
    {"SHUTDOWN", "Stop the gateway with the service that runs it."},
    {"DISABLE", "Use PAUSE."},
    {"ENABLE", "Use RESUME."},
    {"WAIT_CLOSE", "Use RECONNECT and look at SHOW SERVERS."},
};
constexpr Missing kMissingTopics[] = {
    {"FDS", "Use SHOW CLIENTS and SHOW SERVERS."},
    {"SOCKETS", "Use SHOW CLIENTS and SHOW SERVERS."},
    {"ACTIVE_SOCKETS", "Use SHOW CLIENTS and SHOW SERVERS."},
    {"MEM", "The gateway's metrics have its memory."},
    {"DNS_HOSTS", "Use SHOW DATABASES."},
    {"DNS_ZONES", "Use SHOW DATABASES."},
};

bool is_word(std::string_view text, std::string_view upper) {
  return std::ranges::equal(text, upper, {}, [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
}

template <class Rows>
const auto* row_of(const Rows& rows, std::string_view word) {
  const auto* found =
      std::ranges::find_if(rows, [&](auto& row) { return is_word(word, row.word); });
  return found != std::end(rows) ? found : nullptr;
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

Error refusal(ErrorCode code, std::string_view sqlstate, std::string message,
              std::string_view hint) {
  Error error(code, std::move(message));
  error.sqlstate = sqlstate;
  error.hint_override = hint;
  return error;
}

Error invalid(std::string_view text) {
  const auto shown = std::string(text.substr(0, kShownBytesMost));
  return refusal(ErrorCode::Usage, kProtocolViolation,
                 "invalid command '" + shown + "', use SHOW HELP;", kHelpHint);
}

Error missing(std::string_view words, std::string_view hint) {
  return refusal(ErrorCode::NotSupported, kFeatureNotSupported,
                 std::string(words) + " is not supported by pgkeel", hint);
}

// The first word, taken off the front.
std::string_view take_word(std::string_view& rest) {
  const auto word = rest.substr(0, rest.find_first_of(kBlanks));
  rest = trimmed(rest.substr(word.size()));
  return word;
}

// A name as it is, or in double quotes, in which two are one. False: neither.
bool read_database(std::string_view text, std::string& name) {
  if (!text.starts_with('"')) {
    name = text;
    return text.find_first_of(" \t\r\n\f\v'\";") == std::string_view::npos;
  }
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"' && at + 1 == text.size()) return !name.empty();
    if (text[at] == '"' && text[++at] != '"') return false;
    name += text[at];
  }
  return false;
}

Result<Command> parse_topic(std::string_view whole, std::string_view word) {
  if (const auto* row = row_of(kTopics, word))
    return Command{.verb = Verb::Show, .topic = row->topic};
  if (const auto* row = row_of(kMissingTopics, word))
    return fail(missing("SHOW " + std::string(row->word), row->hint));
  return fail(invalid(whole));
}

}  // namespace

Result<Command> parse_command(std::string_view text) {
  const auto whole = trimmed(text);
  auto rest = trimmed(whole.ends_with(';') ? whole.substr(0, whole.size() - 1) : whole);
  const auto word = take_word(rest);
  const auto* row = row_of(kVerbs, word);
  if (row == nullptr) {
    const auto* other = row_of(kMissingVerbs, word);
    return fail(other != nullptr ? missing(other->word, other->hint) : invalid(whole));
  }
  if (row->argument == Argument::Topic) return parse_topic(whole, rest);
  Command command{.verb = row->verb};
  const bool takes = row->argument == Argument::Database;
  if (!rest.empty() && !(takes && read_database(rest, command.database)))
    return fail(invalid(whole));
  return command;
}

Error no_such_database(std::string_view name) {
  return refusal(ErrorCode::NotFound, kProtocolViolation, "no such database: " + std::string(name),
                 "SHOW DATABASES lists them.");
}

Error not_paused(std::string_view database) {
  return refusal(ErrorCode::WrongState, kProtocolViolation,
                 database.empty() ? "pooler is not paused/suspended"
                                  : "database " + std::string(database) + " is not paused",
                 "SHOW DATABASES tells which are.");
}

Error already_paused() {
  return refusal(ErrorCode::WrongState, kProtocolViolation, "already suspended/paused",
                 "RESUME ends it.");
}

Error pause_taken_back() {
  return refusal(ErrorCode::Cancelled, kQueryCanceled, "PAUSE was taken back before all was free",
                 "Say it again; SHOW SERVERS tells who still has a connection.");
}

std::string_view tag_of(Verb verb) { return std::ranges::find(kVerbs, verb, &VerbRow::verb)->word; }

}  // namespace pgkeel::gateway::admin
