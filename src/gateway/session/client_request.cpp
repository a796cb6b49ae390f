// See client_request.hpp.
#include "gateway/session/client_request.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pg/wire/negotiate.hpp"

namespace pgkeel::gateway {
namespace {

using pg::wire::Setting;

std::string cut_name(std::string_view name) { return std::string(name.substr(0, kNameBytesMost)); }

/// Whether `value` begins `word`, in any case, and has at least `least` characters of it.
bool abbreviates(std::string_view value, std::string_view word, std::size_t least = 1) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b;
  };
  return value.size() >= least && value.size() <= word.size() &&
         std::ranges::equal(value, word.substr(0, value.size()), same);
}

// parse_bool() of src/backend/utils/adt/bool.c.
std::optional<bool> truth_of(std::string_view value) {
  if (abbreviates(value, "true") || abbreviates(value, "yes") || abbreviates(value, "on", 2) ||
      value == "1")
    return true;
  if (abbreviates(value, "false") || abbreviates(value, "no") || abbreviates(value, "off", 2) ||
      value == "0")
    return false;
  return std::nullopt;
}

std::expected<Replication, Refusal> replication_of(std::string_view value) {
  if (value == "database") return Replication::Logical;
  if (const auto truth = truth_of(value)) return *truth ? Replication::Physical : Replication::None;
  return std::unexpected(
      Refusal{.sqlstate = sqlstate::kInvalidParameter,
              .message = fmt::format(R"(invalid value for parameter "replication": "{}")", value),
              .hint = R"(Valid values are: "false", 0, "true", 1, "database".)"});
}

std::optional<Refusal> take_options(Parameters& settings, std::string_view options) {
  auto parsed = pg::wire::parse_options(options);
  if (!parsed)
    return Refusal{.sqlstate = sqlstate::kSyntaxError,
                   .message = "invalid command-line argument for server process",
                   .detail = parsed.error().detail};
  const auto reserved = std::ranges::find_if(
      *parsed, [](const Setting& setting) { return is_reserved_parameter(setting.name); });
  if (reserved != parsed->end())
    return Refusal{
        .sqlstate = sqlstate::kUndefinedObject,
        .message = fmt::format(R"(unrecognized configuration parameter "{}")", reserved->name)};
  settings = *std::move(parsed);
  return std::nullopt;
}

std::optional<Refusal> take_settings(Parameters& settings,
                                     const pg::wire::StartupMessage& startup) {
  if (const auto options = startup.find("options"))
    if (auto refusal = take_options(settings, *options)) return refusal;
  for (const auto& [name, value] : startup.parameters)
    if (!is_reserved_parameter(name)) settings.emplace_back(std::string(name), std::string(value));
  if (settings.size() > kSettingsMost)
    return Refusal{
        .sqlstate = sqlstate::kInvalidParameter,
        .message = fmt::format("more than {} settings in a startup packet", kSettingsMost)};
  return std::nullopt;
}

}  // namespace

bool is_reserved_parameter(std::string_view name) {
  constexpr std::array<std::string_view, 5> kReserved = {"", "user", "database", "options",
                                                         "replication"};
  return std::ranges::find(kReserved, name) != kReserved.end() ||
         name.starts_with(pg::wire::kProtocolOption) || name.contains('\0');
}

std::string_view ClientRequest::application_name() const {
  std::string_view found;
  for (const auto& setting : settings)
    if (setting.name == kApplicationName) found = setting.value;
  return found;
}

std::expected<ClientRequest, Refusal> read_client_request(const pg::wire::StartupMessage& startup) {
  const auto replication = replication_of(startup.find("replication").value_or("false"));
  if (!replication) return std::unexpected(replication.error());
  const auto user = startup.find("user").value_or("");
  if (user.empty())
    return std::unexpected(
        Refusal{.sqlstate = sqlstate::kInvalidAuthorization,
                .message = "no PostgreSQL user name specified in startup packet"});
  const auto database = startup.find("database").value_or("");
  ClientRequest request{.user = cut_name(user),
                        .database = cut_name(database.empty() ? user : database),
                        .replication = *replication};
  if (auto refusal = take_settings(request.settings, startup))
    return std::unexpected(*std::move(refusal));
  return request;
}

}  // namespace pgkeel::gateway
