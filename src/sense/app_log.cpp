// See app_log.hpp. The words are those of libpq, psycopg, asyncpg, SQLAlchemy, node-postgres, JDBC,
// pgx and sqlx; most of them repeat the server's or libpq's.
#include "sense/app_log.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

#include "runtime/files.hpp"

namespace pgkeel::sense {
namespace {

// Whether the words alone tell that it is about a database.
enum class Alone { Enough, NeedsMore };

struct Words {
  std::string_view words;
  AppTrouble trouble;
  Alone alone = Alone::Enough;
};

// In small letters; the first that is found counts.
constexpr auto kWords = std::to_array<Words>({
    {"could not translate host name", AppTrouble::UnknownHost},
    {"temporary failure in name resolution", AppTrouble::UnknownHost, Alone::NeedsMore},
    {"name or service not known", AppTrouble::UnknownHost, Alone::NeedsMore},
    {"enotfound", AppTrouble::UnknownHost, Alone::NeedsMore},
    {"eai_again", AppTrouble::UnknownHost, Alone::NeedsMore},
    {"too many clients already", AppTrouble::TooMany},
    {"remaining connection slots are reserved", AppTrouble::TooMany},
    {"too many connections for", AppTrouble::TooMany},
    {"queuepool limit", AppTrouble::TooMany},
    {"pool timed out while waiting", AppTrouble::TooMany},
    {"timeout exceeded when trying to connect", AppTrouble::TooMany},
    {"connection is not available, request timed out", AppTrouble::TooMany},
    {"the database system is starting up", AppTrouble::NotReady},
    {"the database system is shutting down", AppTrouble::NotReady},
    {"the database system is in recovery mode", AppTrouble::NotReady},
    {"the database system is not yet accepting connections", AppTrouble::NotReady},
    {"password authentication failed", AppTrouble::Login},
    {"no pg_hba.conf entry", AppTrouble::Login},
    {"undefinedtable", AppTrouble::MissingRelation},
    {"in a read-only transaction", AppTrouble::ReadOnly},
    {"deadlock detected", AppTrouble::Deadlock},
    {"could not extend file", AppTrouble::NoSpace},
    {"could not resize shared memory segment", AppTrouble::NoSpace},
    {"no space left on device", AppTrouble::NoSpace, Alone::NeedsMore},
    {"canceling statement due to", AppTrouble::Timeout},
    {"querytimeout", AppTrouble::Timeout},
    {"query read timeout", AppTrouble::Timeout},
    {"timeout expired", AppTrouble::Timeout, Alone::NeedsMore},
    {"connection timed out", AppTrouble::Timeout, Alone::NeedsMore},
    {"ssl error", AppTrouble::Tls, Alone::NeedsMore},
    {"ssl syscall error", AppTrouble::Tls},
    {"certificate verify failed", AppTrouble::Tls, Alone::NeedsMore},
    {"certificate has expired", AppTrouble::Tls, Alone::NeedsMore},
    {"server does not support ssl", AppTrouble::Tls},
    {"server closed the connection unexpectedly", AppTrouble::Closed},
    {"ssl connection has been closed unexpectedly", AppTrouble::Closed},
    {"connection was closed in the middle of operation", AppTrouble::Closed},
    {"connection terminated unexpectedly", AppTrouble::Closed},
    {"terminating connection due to", AppTrouble::Closed},
    {"connection reset by peer", AppTrouble::Closed, Alone::NeedsMore},
    {"an i/o error occurred while sending to the backend", AppTrouble::Closed},
    {"connection refused", AppTrouble::Refused, Alone::NeedsMore},
    {"econnrefused", AppTrouble::Refused, Alone::NeedsMore},
});

// Something of a database in the line, where the words might be about anything.
constexpr auto kOfDatabase = std::to_array<std::string_view>(
    {"postgres", "psycopg", "asyncpg", "sqlalchemy", "pgx", "pq:", "jdbc", "5432", "database",
     "libpq", "could not connect to server", "connection to server", "sqlx", "prisma", "hikaripool",
     ".s.pgsql"});

std::string small_letters(std::string_view text) {
  std::string small(text);
  for (auto& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return small;
}

bool is_of_database(std::string_view line) {
  return std::ranges::any_of(kOfDatabase,
                             [line](std::string_view words) { return line.contains(words); });
}

// relation "x" does not exist, database "x" does not exist, with whatever name.
bool is_missing(std::string_view line, std::string_view what) {
  const auto at = line.find(what);
  return at != std::string_view::npos && line.substr(at).contains("\" does not exist");
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "YYYY-MM-DD?HH:MM:SS" here?
bool is_time_at(std::string_view line, std::size_t at) {
  constexpr std::string_view kShape = "dddd-dd-dd?dd:dd:dd";
  if (at + kShape.size() > line.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const char c = line[at + i];
    const char wanted = kShape[i];
    if (wanted == 'd' ? !is_digit(c) : wanted == '?' ? c != 'T' && c != ' ' : c != wanted)
      return false;
  }
  return true;
}

// What stands behind a time: "Z", "+02:00", " UTC", or nothing for the machine's own zone.
std::optional<Seconds> zone_of(std::string_view rest) {
  std::size_t at = 0;
  if (at < rest.size() && (rest[at] == '.' || rest[at] == ',')) {
    ++at;
    while (at < rest.size() && is_digit(rest[at])) ++at;
  }
  rest.remove_prefix(at);
  if (rest.starts_with("Z") || rest.starts_with(" UTC") || rest.starts_with(" GMT") ||
      rest.starts_with(" +0000"))
    return Seconds(0);
  if (rest.size() < 3 || (rest[0] != '+' && rest[0] != '-')) return std::nullopt;
  if (!is_digit(rest[1]) || !is_digit(rest[2])) return std::nullopt;
  const auto two = [rest](std::size_t from) {
    return (rest[from] - '0') * 10 + (rest[from + 1] - '0');
  };
  int offset = two(1) * 3600;
  const std::size_t minutes = rest.size() > 3 && rest[3] == ':' ? 4 : 3;
  if (rest.size() >= minutes + 2 && is_digit(rest[minutes]) && is_digit(rest[minutes + 1]))
    offset += two(minutes) * 60;
  return Seconds(rest[0] == '+' ? offset : -offset);
}

struct Lines {
  std::string_view rest;
  std::optional<std::string_view> next() {
    if (rest.empty()) return std::nullopt;
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line.substr(0, kAppLineBytesMax);
  }
};

}  // namespace

std::string_view to_string(AppTrouble trouble) {
  switch (trouble) {
    case AppTrouble::Refused: return "refused";
    case AppTrouble::UnknownHost: return "unknown_host";
    case AppTrouble::Closed: return "closed";
    case AppTrouble::TooMany: return "too_many";
    case AppTrouble::MissingRelation: return "missing_relation";
    case AppTrouble::MissingDatabase: return "missing_database";
    case AppTrouble::Login: return "login";
    case AppTrouble::Tls: return "tls";
    case AppTrouble::Timeout: return "timeout";
    case AppTrouble::Deadlock: return "deadlock";
    case AppTrouble::NotReady: return "not_ready";
    case AppTrouble::ReadOnly: return "read_only";
    case AppTrouble::NoSpace: break;
  }
  return "no_space";
}

std::optional<AppTrouble> app_trouble(std::string_view line) {
  const auto small = small_letters(line);
  for (const auto& known : kWords) {
    if (!small.contains(known.words)) continue;
    if (known.alone == Alone::Enough || is_of_database(small)) return known.trouble;
  }
  if (is_missing(small, "relation \"")) return AppTrouble::MissingRelation;
  if (is_missing(small, "database \"")) return AppTrouble::MissingDatabase;
  return std::nullopt;
}

std::optional<WallTime> line_time(std::string_view line) {
  constexpr std::size_t kWithin = 80;
  constexpr std::size_t kLength = 19;
  for (std::size_t at = 0; at < std::min(line.size(), kWithin); ++at) {
    if (!is_time_at(line, at)) continue;
    std::string text(line.substr(at, kLength));
    text[10] = 'T';
    std::tm fields{};
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &fields);
    if (end == nullptr || *end != '\0') continue;
    const auto zone = zone_of(line.substr(at + kLength));
    fields.tm_isdst = -1;
    const auto seconds = zone ? ::timegm(&fields) - zone->count() : ::mktime(&fields);
    if (seconds > 0) return WallTime{Seconds(seconds)};
  }
  return std::nullopt;
}

std::vector<AppEvent> app_events(std::string_view text, WallTime since) {
  std::vector<AppEvent> events;
  std::optional<WallTime> last;
  Lines lines{text};
  while (const auto line = lines.next()) {
    if (const auto at = line_time(*line)) last = at;
    const auto trouble = app_trouble(*line);
    if (!trouble || (last && *last < since)) continue;
    events.push_back({last, *trouble, std::string(line->substr(0, kAppTextMax))});
    if (events.size() >= 2 * kAppEventsMax)
      events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(kAppEventsMax));
  }
  if (events.size() > kAppEventsMax)
    events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(kAppEventsMax));
  return events;
}

AppLog read_app_log(const std::filesystem::path& path, WallTime since) {
  AppLog log;
  log.path = path.string();
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    log.unavailable = log.path + (error ? ": " + error.message() : " is no regular file");
    return log;
  }
  const auto text = runtime::read_file_tail(path, kAppLogBytesMax);
  if (!text) {
    log.unavailable = text.error().message();
    return log;
  }
  log.events = app_events(*text, since);
  const auto begins = line_time(*text);
  log.cut = text->size() >= kAppLogBytesMax && (!begins || *begins > since);
  return log;
}

}  // namespace pgkeel::sense
