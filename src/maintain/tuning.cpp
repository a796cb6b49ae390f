// The table. A row is met when `is` says that the server's value will do.
#include "maintain/tuning.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "pg/config_text.hpp"

namespace pgkeel::maintain {
namespace {

using Kind = Proposal::Kind;

/// How a value is judged.
enum class Will {
  BeEqual,         ///< the wanted text
  BeSet,           ///< anything but the server's own default
  BeAtLeast,       ///< the number
  BePositive,      ///< a number above zero: zero or less means off
  NotBeNegative,   ///< zero or more: -1 means off
  HoldEach,        ///< each word of the wanted text that begins with '%'
  BeginWithOneOf,  ///< one of the words behind the wanted value
};

struct Row {
  std::string_view name;
  Will will;
  std::string_view wanted;
  std::string_view why;
  Kind kind = Kind::Apply;
  int since = 0;  ///< the major version that first has it
  std::int64_t least = 0;
};

// clang-format off
constexpr auto kRows = std::to_array<Row>({
    // What the log says.
    {"log_line_prefix", Will::HoldEach, "%m [%p] %e %q%u@%d,app=%a ", "each line says when, which process, SQLSTATE, who and from which application: causes are told by it"},
    {"lc_messages", Will::BeginWithOneOf, "C", "messages in English can be recognised and looked up; what clients see follows it"},
    {"log_statement", Will::BeEqual, "ddl", "who dropped or altered what, and when, is in the log"},
    {"log_min_duration_statement", Will::NotBeNegative, "1s", "statements that take longer are in the log with their duration"},
    {"log_lock_waits", Will::BeEqual, "on", "who waits for a lock longer than deadlock_timeout, and for whom"},
    {"log_temp_files", Will::NotBeNegative, "10MB", "queries that spill to disk are named before the disk is full"},
    {"log_checkpoints", Will::BeEqual, "on", "checkpoints that come too often are seen"},
    {"log_autovacuum_min_duration", Will::NotBeNegative, "10min", "a vacuum that takes long or cannot remove rows says so"},
    {"track_io_timing", Will::BeEqual, "on", "slow disks are told from slow queries"},
    // Clients that are gone, and those that sleep.
    {"tcp_keepalives_idle", Will::BeSet, "60", "a client that vanished is noticed within two minutes, not two hours"},
    {"tcp_keepalives_interval", Will::BeSet, "10", "see tcp_keepalives_idle"},
    {"tcp_keepalives_count", Will::BeSet, "6", "see tcp_keepalives_idle"},
    {"client_connection_check_interval", Will::BePositive, "10s", "a query whose client has gone ends", Kind::Apply, 14},
    {"idle_in_transaction_session_timeout", Will::BePositive, "10min", "a session that sleeps in a transaction holds its locks and keeps vacuum from its work"},
    {"superuser_reserved_connections", Will::BeAtLeast, "3", "somebody can always log in to help", Kind::Apply, 0, 3},
    // What makes it recoverable.
    {"wal_level", Will::BeginWithOneOf, "replica logical", "backups and WAL archiving need it"},
    {"max_wal_senders", Will::BeAtLeast, "10", "a backup, the receiver and a standby each take one", Kind::Apply, 0, 4},
    {"max_slot_wal_keep_size", Will::NotBeNegative, "a third of what is free on the WAL's disk", "a slot that nobody reads fills the disk without it", Kind::Choose},
    {"restart_after_crash", Will::BeEqual, "on", "the server comes back by itself when one of its processes dies"},
    {"fsync", Will::BeEqual, "on", "without it a power failure destroys the cluster"},
    {"full_page_writes", Will::BeEqual, "on", "without it a power failure can tear pages"},
    {"zero_damaged_pages", Will::BeEqual, "off", "it destroys what is left of a damaged page"},
    {"ignore_checksum_failure", Will::BeEqual, "off", "it spreads damage instead of reporting it"},
    {"synchronous_commit", Will::BeginWithOneOf, "on local remote_write remote_apply", "off: a crash loses the last acknowledged commits", Kind::Choose},
    {"password_encryption", Will::BeEqual, "scram-sha-256", "md5 can be broken; clients of before 2018 need it"},
    // The application's own.
    {"statement_timeout", Will::BePositive, "ALTER ROLE app SET statement_timeout = '30s'", "a query that never ends holds a connection and what it has locked; a role's, so that dumps and migrations keep going", Kind::Choose},
});
// clang-format on

constexpr std::string_view kPreload = "shared_preload_libraries";
constexpr std::string_view kStatements = "pg_stat_statements";
constexpr std::string_view kWalSenders = "max_wal_senders";
constexpr int kVersionsPerMajor = 10'000;

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

template <class Take>
void for_each_word(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// "%q" only says where the rest is left out; the others carry something.
bool holds_each(std::string_view value, std::string_view wanted) {
  for (auto at = wanted.find('%'); at != std::string_view::npos; at = wanted.find('%', at + 1)) {
    const auto escape = wanted.substr(at, 2);
    const bool time = escape == "%m" && (value.contains("%t") || value.contains("%n"));
    if (escape != "%q" && !value.contains(escape) && !time) return false;
  }
  return true;
}

bool is_one_of(std::string_view value, std::string_view words) {
  bool found = false;
  for_each_word(words, [&](std::string_view word) { found = found || value == word; });
  return found;
}

// "C", "C.UTF-8", "POSIX" and English in any land write the same messages.
bool is_english(std::string_view locale) {
  return locale == "C" || locale.starts_with("C.") || locale == "POSIX" ||
         locale.starts_with("en_") || locale.empty();
}

bool will_do(const Row& row, const Setting& setting) {
  const auto number = number_of(setting.value);
  switch (row.will) {
    case Will::BeEqual: return setting.value == row.wanted;
    case Will::BeSet: return setting.source != "default";
    case Will::BeAtLeast: return number && *number >= row.least;
    case Will::BePositive: return number && *number > 0;
    case Will::NotBeNegative: return number && *number >= 0;
    case Will::HoldEach: return holds_each(setting.value, row.wanted);
    case Will::BeginWithOneOf:
      return row.name == "lc_messages" ? is_english(setting.value)
                                       : is_one_of(setting.value, row.wanted);
  }
  return true;
}

// What the server was started with, or what our own role, database or session was given.
bool outranked(const Setting& setting) {
  constexpr auto kFiles = std::to_array<std::string_view>(
      {"default", "configuration file", "environment variable", "override"});
  return std::ranges::find(kFiles, setting.source) == kFiles.end();
}

Proposal proposal_of(const Row& row, const Setting& setting) {
  Proposal proposal;
  proposal.kind = row.kind;
  if (row.kind == Kind::Apply && outranked(setting)) proposal.kind = Kind::Elsewhere;
  proposal.name = row.name;
  proposal.now = setting.shown;
  const bool first_word = row.will == Will::BeginWithOneOf && row.kind != Kind::Choose;
  proposal.wanted = first_word ? row.wanted.substr(0, row.wanted.find(' ')) : row.wanted;
  proposal.why = row.why;
  proposal.restart = setting.context == "postmaster";
  return proposal;
}

// A server of wal_level minimal with WAL senders refuses to start.
bool streams_wal(const ServerSettings& server) {
  const auto level = server.settings.find("wal_level");
  return level != server.settings.end() && level->second.value != "minimal";
}

// A library that is not installed would keep the server from starting.
std::optional<Proposal> statements_of(const ServerSettings& server) {
  const auto found = server.settings.find(kPreload);
  if (!server.has_statements || found == server.settings.end()) return std::nullopt;
  const auto& setting = found->second;
  if (setting.value.contains(kStatements)) return std::nullopt;
  Proposal proposal;
  if (outranked(setting)) proposal.kind = Kind::Elsewhere;
  proposal.name = kPreload;
  proposal.now = setting.shown;
  proposal.wanted =
      fmt::format("{}{}{}", setting.value, setting.value.empty() ? "" : ", ", kStatements);
  proposal.why = "which statements take the time; then CREATE EXTENSION pg_stat_statements";
  proposal.restart = true;
  return proposal;
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

// A list of names is not one name: ALTER SYSTEM quotes what it is given as a whole.
std::string value_text(std::string_view name, std::string_view value) {
  if (name != kPreload) return in_quotes(value);
  std::string out;
  for (const auto& part : pg::split_config_list(value))
    if (!part.empty()) out += (out.empty() ? "" : ", ") + in_quotes(part);
  return out.empty() ? "''" : out;
}

}  // namespace

std::vector<Proposal> propose(const ServerSettings& server) {
  std::vector<Proposal> proposals;
  for (const auto& row : kRows) {
    const auto found = server.settings.find(row.name);
    if (found == server.settings.end() || server.version / kVersionsPerMajor < row.since) continue;
    if (found->second.pending_restart || will_do(row, found->second)) continue;
    if (row.name == kWalSenders && !streams_wal(server)) continue;
    proposals.push_back(proposal_of(row, found->second));
  }
  if (auto statements = statements_of(server)) {
    const auto& preload = server.settings.find(kPreload)->second;
    if (!preload.pending_restart) proposals.push_back(*std::move(statements));
  }
  return proposals;
}

std::string statement_for(const Proposal& proposal) {
  return fmt::format("ALTER SYSTEM SET {} = {}", proposal.name,
                     value_text(proposal.name, proposal.wanted));
}

std::string statement_back(const Proposal& proposal, const Setting& before) {
  if (before.source == "default" || before.value.empty())
    return fmt::format("ALTER SYSTEM RESET {}", proposal.name);
  return fmt::format("ALTER SYSTEM SET {} = {}", proposal.name,
                     value_text(proposal.name, before.shown));
}

}  // namespace pgkeel::maintain
