// See settings_sql.hpp.
#include "gateway/session/settings_sql.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <vector>

#include "pg/sql_text.hpp"

namespace pgkeel::gateway {
namespace {

constexpr std::string_view kRole = "role";

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Neither names nor values hold a zero byte: that is all quote_literal() refuses.
std::string literal(std::string_view text) { return pg::quote_literal(text).value(); }

// Bytes above ASCII as hexadecimal digits: the server reads a text in the encoding its session has
// before, and in some of them a backslash may be half a character.
std::string expression(std::string_view value, std::string_view encoding) {
  if (is_ascii(value)) return literal(value);
  std::string digits;
  for (const char c : value) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return fmt::format("pg_catalog.convert_from(pg_catalog.decode('{}','hex'),{})", digits,
                     literal(encoding));
}

void add_call(std::string& sql, std::string_view name, std::string_view value) {
  sql += sql.empty() ? "SELECT " : ",";
  sql += fmt::format("pg_catalog.set_config({},{},false)", literal(name), value);
}

}  // namespace

std::string settings_difference(const SettingsSet& from, const SettingsSet& to,
                                std::string_view encoding) {
  std::string sql;
  if (from == to) return sql;
  const auto* role = to.find(kRole);
  if (from.find(kRole) != nullptr) add_call(sql, kRole, "'none'");
  for (const auto& [name, value] : from.items())
    if (name != kRole && to.find(name) == nullptr) add_call(sql, name, "NULL");
  for (const auto& [name, value] : to.items()) {
    const auto* was = from.find(name);
    if (name != kRole && (was == nullptr || *was != value))
      add_call(sql, name, expression(value, encoding));
  }
  if (role != nullptr) add_call(sql, kRole, expression(*role, encoding));
  else if (from.find(kRole) != nullptr) add_call(sql, kRole, "NULL");
  return sql;
}

std::string named_settings_query(std::span<const std::string> names) {
  std::string sql = "SELECT n,pg_catalog.current_setting(n,true) FROM (VALUES ";
  for (const auto& name : names)
    sql += fmt::format("{}({})", &name == names.data() ? "" : ",", literal(name));
  return sql + ") v(n)";
}

std::string settings_query(const SettingsSet& before, std::span<const std::string_view> names) {
  std::vector<std::string_view> asked{kRole};
  const auto add = [&](std::string_view name) {
    const bool new_one = std::ranges::find(asked, name) == asked.end();
    if (name.contains('.') && is_ascii(name) && !name.contains('\0') && new_one)
      asked.push_back(name);
  };
  for (const auto& setting : before.items()) add(setting.name);
  for (const auto name : names) add(name);
  std::string sql =
      "SELECT name,setting FROM pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) "
      "'session'"
      " UNION ALL SELECT n,pg_catalog.current_setting(n,true) FROM (VALUES";
  for (const auto name : asked)
    sql += fmt::format("{}({})", name == kRole ? " " : ",", literal(name));
  return sql + ") v(n)";
}

}  // namespace pgkeel::gateway
