// See application.hpp.
#include "recover/application.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pg/sql_text.hpp"

namespace pgkeel::recover {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kNameBytesMax = 63;  // NAMEDATALEN - 1: the server cuts what is longer

// A client that is gone without a word is noticed within two minutes, as in an embedded server.
constexpr auto kKeepalives =
    std::to_array<std::pair<std::string_view, std::string_view>>({{"tcp_keepalives_idle", "60"},
                                                                  {"tcp_keepalives_interval", "10"},
                                                                  {"tcp_keepalives_count", "6"}});

constexpr auto kMakings =
    std::to_array<std::pair<Making, std::string_view>>({{Making::Not, ""},
                                                        {Making::Intended, "intended"},
                                                        {Making::Made, "made"},
                                                        {Making::Found, "found"}});

std::string_view word_of(Making making) {
  return std::ranges::find(kMakings, making, &std::pair<Making, std::string_view>::first)->second;
}

Making making_of(const Json& json, const char* key) {
  const auto word = json.value(key, "");
  const auto* found =
      std::ranges::find(kMakings, word, &std::pair<Making, std::string_view>::second);
  return found == kMakings.end() ? Making::Not : found->first;
}

// In the largest of PostgreSQL's units that is exact, as it will be read in pg_roles.
std::string server_duration(Millis duration) {
  const auto ms = duration.count();
  if (ms == 0) return "0";
  if (ms % 60'000 == 0) return fmt::format("{}min", ms / 60'000);
  return ms % 1'000 == 0 ? fmt::format("{}s", ms / 1'000) : fmt::format("{}ms", ms);
}

std::string role_state(const ApplicationWish& wish, const ApplicationFacts& facts,
                       const ApplicationRecord& record) {
  if (!facts.role_is_superuser) {
    if (record.done_at) return "gone, and not made again";
    return fmt::format("will be made: login, no superuser, at most {} connections",
                       connection_limit(wish, facts));
  }
  if (record.role_made == Making::Made || record.role_made == Making::Intended) return "made";
  return *facts.role_is_superuser ? "was there, left as it is; it is a superuser"
                                  : "was there, left as it is";
}

std::string database_state(const ApplicationWish& wish, const ApplicationFacts& facts,
                           const ApplicationRecord& record) {
  if (!facts.database_owner)
    return record.done_at ? "gone, and not made again" : "will be made, owned by " + wish.role;
  if (record.database_made == Making::Made || record.database_made == Making::Intended)
    return "made, owned by " + *facts.database_owner;
  return fmt::format("was there, left as it is, owned by {}", *facts.database_owner);
}

}  // namespace

std::string to_json(const ApplicationRecord& record) {
  const Json json = {{"system_identifier", record.system_id},
                     {"database", record.database},
                     {"role", record.role},
                     {"role_made", word_of(record.role_made)},
                     {"database_made", word_of(record.database_made)},
                     {"done_at", record.done_at ? to_iso8601(*record.done_at) : ""}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<ApplicationRecord> parse_application_record(std::string_view text) {
  const auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto is_text = [](const Json& value) { return value.is_string(); };
  if (!std::ranges::all_of(json, is_text)) return std::nullopt;
  ApplicationRecord record;
  record.system_id = json.value("system_identifier", "");
  record.database = json.value("database", "");
  record.role = json.value("role", "");
  record.role_made = making_of(json, "role_made");
  record.database_made = making_of(json, "database_made");
  if (const auto at = parse_iso8601(json.value("done_at", ""))) record.done_at = *at;
  return record;
}

std::vector<std::pair<std::string, std::string>> role_settings(const ApplicationWish& wish) {
  std::vector<std::pair<std::string, std::string>> settings = {
      {"statement_timeout", server_duration(wish.statement_timeout)},
      {"lock_timeout", server_duration(wish.lock_timeout)},
      {"idle_in_transaction_session_timeout", server_duration(wish.idle_in_transaction_timeout)}};
  for (const auto& [name, value] : kKeepalives) settings.emplace_back(name, value);
  return settings;
}

// What is left is for the guard, backups and the human who looks why all others are taken.
int connection_limit(const ApplicationWish& wish, const ApplicationFacts& facts) {
  if (wish.connections > 0) return wish.connections;
  return std::max(1, facts.connections_max * 4 / 5);
}

Result<void> check_names(const ApplicationWish& wish) {
  const std::array names = {std::pair("database", &wish.database), std::pair("role", &wish.role)};
  for (const auto& [key, name] : names)
    if (name->size() > kNameBytesMax)
      return fail(ErrorCode::ConfigBadValue,
                  fmt::format("application.{} is longer than the {} bytes PostgreSQL keeps", key,
                              kNameBytesMax));
  return {};
}

Result<void> check_rights(const ApplicationWish& wish, const ApplicationFacts& facts) {
  const bool role = facts.role_is_superuser || facts.superuser || facts.creates_roles;
  const bool database = facts.database_owner || facts.superuser || facts.creates_databases;
  if (role && database) return {};
  const auto* right = role ? "CREATEDB" : database ? "CREATEROLE" : "CREATEROLE and CREATEDB";
  return fail(Error(ErrorCode::Permission, fmt::format("the guard's role lacks {} to make role {} "
                                                       "and database {}",
                                                       right, wish.role, wish.database))
                  .with_hint("Let an administrator grant it, or make both by hand: what exists is "
                             "left as it is."));
}

Result<std::string> create_role_sql(const ApplicationWish& wish, const ApplicationFacts& facts,
                                    std::string_view verifier) {
  TRY(role, pg::quote_identifier(wish.role));
  TRY(password, pg::quote_literal(verifier));
  auto sql = fmt::format("create role {} login connection limit {} password {};", role,
                         connection_limit(wish, facts), password);
  for (const auto& [name, value] : role_settings(wish))
    sql += fmt::format("alter role {} set {} = '{}';", role, name, value);
  // Who is no superuser can give a database only to a role he is a member of.
  if (!facts.superuser) sql += fmt::format("grant {} to current_user;", role);
  return sql;
}

Result<std::string> create_database_sql(const ApplicationWish& wish) {
  TRY(database, pg::quote_identifier(wish.database));
  TRY(role, pg::quote_identifier(wish.role));
  return fmt::format("create database {} owner {}", database, role);
}

std::vector<ApplicationItem> describe(const ApplicationWish& wish, const ApplicationFacts& facts,
                                      const ApplicationRecord& record) {
  std::vector<ApplicationItem> items = {
      {"role " + wish.role, role_state(wish, facts, record)},
      {"database " + wish.database, database_state(wish, facts, record)}};
  const bool ours = !facts.role_is_superuser ? !record.done_at : record.role_made != Making::Found;
  if (!ours || (facts.role_is_superuser && record.role_made == Making::Not)) return items;
  for (auto& [name, value] : role_settings(wish))
    items.push_back({"setting " + name, value == "0" ? "0 (never)" : std::move(value)});
  return items;
}

}  // namespace pgkeel::recover
