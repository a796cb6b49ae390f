// What each type of value accepts, and its reading. Every reader takes the whole text or refuses
// it.
#include "app/config/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "instance/instance.hpp"
#include "notify/email.hpp"
#include "pg/conninfo.hpp"
#include "recover/expectation.hpp"

namespace pgkeel::app {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, into);
  return error == std::errc{} && stop == end && !text.empty();
}

template <class Enum>
bool read_choice(const Values& values, std::initializer_list<std::pair<std::string_view, Enum>> all,
                 Enum& into) {
  if (values.size() != 1) return false;
  for (const auto& [name, value] : all) {
    if (values.front() != name) continue;
    into = value;
    return true;
  }
  return false;
}

bool any_text(const std::string& text) { return !trimmed(text).empty(); }

bool is_path(const std::string& text) {
  return any_text(text) &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

template <class T>
bool reads_as(const std::string& text) {
  T into{};
  return read_value({text}, into);
}

bool is_size(const std::string& text) { return parse_size(text).has_value(); }

bool is_count(const std::string& text) {
  std::int64_t number = 0;
  return read_number(text, number) && number >= 0;
}

bool is_ratio(const std::string& text) {
  double number = 0;
  return read_number(text, number) && std::isfinite(number) && number > 0 && number <= 1;
}

bool is_two_part_name(const std::string& text) {
  const auto parts = split_name(text).size();
  return parts == 1 || parts == 2;
}

bool is_conninfo(const std::string& text) { return pg::parse_conninfo(text).has_value(); }

bool is_http_url(const std::string& text) {
  const auto scheme = text.find("://");
  const bool known = text.starts_with("http://") || text.starts_with("https://");
  return known && text.size() > scheme + 3 && text[scheme + 3] != '/' &&
         std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) > 0x20; });
}

// No login in it, which would be shown, and no path.
bool is_mail_server(const std::string& text) {
  const bool known = text.starts_with("smtp://") || text.starts_with("smtps://");
  const auto host = known ? std::string_view(text).substr(text.find("://") + 3) : "";
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != '@' && c != '/' && c != '?' && c != '#';
  });
}

bool is_address(const std::string& text) { return notify::is_mail_address(text); }

bool is_store(const std::string& text) {
  if (text.starts_with("s3://")) return text.size() > 5 && text[5] != '/';
  return is_path(text) && text.find("://") == std::string::npos;
}

bool is_time_of_day(const std::string& text) {
  int hour = 0;
  int minute = 0;
  return text.size() == 5 && text[2] == ':' && read_number(text.substr(0, 2), hour) &&
         read_number(text.substr(3), minute) && hour >= 0 && hour < 24 && minute >= 0 &&
         minute < 60;
}

bool is_expectation(const std::string& text) {
  return recover::parse_expectation(text).has_value();
}

struct TypeRow {
  ValueType type;
  std::string_view accepts;
  bool (*valid)(const std::string&);
};

using enum ValueType;
constexpr auto kTypes = std::to_array<TypeRow>({
    {Text, "text", any_text},
    {Label, "text or a number", any_text},
    {Path, "a path", is_path},
    {PathList, "a path, or a list of paths", is_path},
    {Duration, "a duration with its unit, such as 250ms, 5s, 2h or 7d", reads_as<Millis>},
    {Size, "a size such as 512MB or 10GB", is_size},
    {Count, "a whole number", is_count},
    {Ratio, "a number above 0 and at most 1", is_ratio},
    {Flag, "true or false", reads_as<bool>},
    {Choice, "one of its choices", any_text},
    {TextList, "a list of names, such as [\"a\", \"b\"]", any_text},
    {TableList, "a list of tables, each written database.schema.table",
     reads_as<std::vector<TableName>>},
    {Table, "a table, written schema.table", is_two_part_name},
    {Conninfo, "postgresql://user@host:5432/database, or host=... dbname=...", is_conninfo},
    {Listen, "host:port such as 127.0.0.1:8432, or off", reads_as<std::optional<ListenAddress>>},
    {Restarts, "a count and a window, such as 5 per 300s", reads_as<RestartBudget>},
    {Store, "a directory, or s3://bucket/prefix", is_store},
    {TimeOfDay, "a time of day such as 03:00", is_time_of_day},
    {SyncOnLoss, "wait, or degrade after 10s", reads_as<app::SyncOnLoss>},
    {Expectation, "a comparison such as > 0 or = 1, or: true, false, empty, not empty",
     is_expectation},
    {HttpUrl, "an address that starts with http:// or https://", is_http_url},
    {MailServer, "a mail server such as smtps://mail.example.org or smtp://mail.example.org:587",
     is_mail_server},
    {MailAddress, "one address such as oncall@example.org", is_address},
});

const TypeRow& row_of(ValueType type) { return *std::ranges::find(kTypes, type, &TypeRow::type); }

// "database.schema.table"; fewer or more parts are a guess.
bool read_table(std::string_view text, TableName& into) {
  const auto parts = split_name(text);
  if (parts.size() != 3) return false;
  into = {parts[0], parts[1], parts[2]};
  return true;
}

}  // namespace

std::string_view accepted(ValueType type) { return row_of(type).accepts; }
bool is_valid(ValueType type, const std::string& text) { return row_of(type).valid(text); }

bool is_list(ValueType type) { return type == TextList || type == TableList || type == PathList; }

bool fits(ValueType type, Shape shape) {
  switch (shape) {
    case Shape::Untyped: return true;
    case Shape::Text: return !is_list(type) || type == PathList;
    case Shape::List: return is_list(type);
    case Shape::Flag: return type == ValueType::Flag || type == Expectation;
    case Shape::Number: return type == Count || type == Ratio || type == Size || type == Label;
    case Shape::Other: return false;
  }
  return false;
}

bool read_value(const Values& values, std::string& into) {
  if (values.size() != 1) return false;
  into = values.front();
  return true;
}

bool read_value(const Values& values, std::filesystem::path& into) {
  if (values.size() != 1) return false;
  into = values.front();
  return true;
}

bool read_value(const Values& values, Millis& into) {
  if (values.size() != 1) return false;
  const auto parsed = parse_duration(values.front());
  if (parsed) into = *parsed;
  return parsed.has_value();
}

bool read_value(const Values& values, int& into) {
  return values.size() == 1 && read_number(values.front(), into);
}

bool read_value(const Values& values, std::uint16_t& into) {
  return values.size() == 1 && read_number(values.front(), into);
}

bool read_value(const Values& values, double& into) {
  return values.size() == 1 && read_number(values.front(), into);
}

bool read_value(const Values& values, std::optional<std::uint64_t>& into) {
  const auto size = values.size() == 1 ? parse_size(values.front()) : fail(ErrorCode::Usage, {});
  if (size) into = *size;
  return size.has_value();
}

bool read_value(const Values& values, bool& into) {
  return read_choice<bool>(values, {{"true", true}, {"false", false}, {"on", true}, {"off", false}},
                           into);
}

bool read_value(const Values& values, std::vector<std::string>& into) {
  into = values;
  return true;
}

bool read_value(const Values& values, std::vector<TableName>& into) {
  into.clear();
  for (const auto& value : values) {
    if (!read_table(value, into.emplace_back())) return false;
  }
  return true;
}

bool read_value(const Values& values, RestartBudget& into) {
  constexpr int kRestartsMax = 1000;  // more than that is no budget
  constexpr std::string_view kPer = " per ";
  if (values.size() != 1) return false;
  const std::string_view text = values.front();
  const auto per = text.find(kPer);
  if (per == std::string_view::npos) return false;
  const auto window = parse_duration(text.substr(per + kPer.size()));
  RestartBudget budget;
  if (!window || window->count() == 0 || !read_number(trimmed(text.substr(0, per)), budget.count))
    return false;
  budget.window = *window;
  if (budget.count < 0 || budget.count > kRestartsMax) return false;
  into = budget;
  return true;
}

bool read_value(const Values& values, std::optional<ListenAddress>& into) {
  if (values.size() != 1) return false;
  const std::string_view text = values.front();
  into.reset();
  if (text == "off") return true;
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  ListenAddress address;
  auto host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool one_host = bracketed || host.find(':') == std::string_view::npos;
  if (host.empty() || !one_host || host.find_first_of(" \t/[]") != std::string_view::npos)
    return false;
  if (!read_number(text.substr(colon + 1), address.port)) return false;
  address.host = host;
  into = std::move(address);
  return true;
}

bool read_value(const Values& values, Mode& into) {
  return read_choice(values, {{"act", Mode::Act}, {"advise", Mode::Advise}}, into);
}

bool read_value(const Values& values, MissingPolicy& into) {
  return read_choice(values,
                     {{"restore", MissingPolicy::Restore},
                      {"recreate-empty", MissingPolicy::RecreateEmpty},
                      {"advise", MissingPolicy::Advise}},
                     into);
}

bool read_value(const Values& values, FreshPolicy& into) {
  return read_choice(values, {{"reattach", FreshPolicy::Reattach}, {"advise", FreshPolicy::Advise}},
                     into);
}

bool read_value(const Values& values, GatewayPool& into) {
  return read_choice(values,
                     {{"session", GatewayPool::Session},
                      {"transaction", GatewayPool::Transaction},
                      {"auto", GatewayPool::Transaction}},
                     into);
}
bool read_value(const Values& values, GatewayAuth& into) {
  return read_choice(values, {{"verifier", GatewayAuth::Verifier}, {"file", GatewayAuth::File}},
                     into);
}
bool read_value(const Values& values, SocketTrust& into) {
  return read_choice(values, {{"off", SocketTrust::Off}, {"on", SocketTrust::On}}, into);
}
bool read_value(const Values& values, UndropPolicy& into) {
  return read_choice(values,
                     {{"on-demand", UndropPolicy::OnDemand},
                      {"ask", UndropPolicy::Ask},
                      {"off", UndropPolicy::Off}},
                     into);
}

bool read_value(const Values& values, ApplyPolicy& into) {
  return read_choice(values,
                     {{"owned", ApplyPolicy::Owned},
                      {"always", ApplyPolicy::Always},
                      {"never", ApplyPolicy::Never}},
                     into);
}

bool read_value(const Values& values, Durability& into) {
  return read_choice(values, {{"async", Durability::Async}, {"sync", Durability::Sync}}, into);
}

bool read_value(const Values& values, app::SyncOnLoss& into) {
  constexpr std::string_view kDegrade = "degrade after ";
  if (values.size() != 1) return false;
  const std::string_view text = values.front();
  into.degrade_after.reset();
  if (text == "wait") return true;
  if (!text.starts_with(kDegrade)) return false;
  const auto after = parse_duration(text.substr(kDegrade.size()));
  if (after) into.degrade_after = *after;
  return after.has_value();
}

bool read_value(const Values& values, LogFormat& into) {
  return read_choice(values, {{"text", LogFormat::Text}, {"json", LogFormat::Json}}, into);
}

bool read_value(const Values& values, LogLevel& into) {
  return read_choice(values,
                     {{"debug", LogLevel::Debug},
                      {"info", LogLevel::Info},
                      {"warning", LogLevel::Warning},
                      {"error", LogLevel::Error}},
                     into);
}

bool read_value(const Values& values, incident::Severity& into) {
  using enum incident::Severity;
  return read_choice<incident::Severity>(
      values, {{"info", Info}, {"warning", Warning}, {"critical", Critical}}, into);
}

bool read_value(const Values& values, instance::Kind& into) {
  return read_choice(values,
                     {{"embedded", instance::Kind::Embedded},
                      {"managed", instance::Kind::Managed},
                      {"container", instance::Kind::Container},
                      {"remote", instance::Kind::Remote}},
                     into);
}

std::string_view to_string(Mode mode) { return mode == Mode::Act ? "act" : "advise"; }

std::string_view to_string(MissingPolicy policy) {
  switch (policy) {
    case MissingPolicy::Restore: return "restore";
    case MissingPolicy::RecreateEmpty: return "recreate-empty";
    case MissingPolicy::Advise: return "advise";
  }
  return "restore";
}

std::vector<std::string> split_name(std::string_view text) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
      parts.back() += c;
      ++at;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == '.' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  const bool whole = !quoted && std::ranges::none_of(parts, &std::string::empty);
  return whole ? parts : std::vector<std::string>();
}

Values split_list(std::string_view text) {
  Values values;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto part = trimmed(text.substr(0, comma));
    if (!part.empty()) values.emplace_back(part);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return values;
}

}  // namespace pgkeel::app
