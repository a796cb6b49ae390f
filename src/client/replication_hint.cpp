// See replication_hint.hpp. The message is looked at for an address only; what is wrong is said by
// the SQLSTATE, because texts follow lc_messages.
#include "client/replication_hint.hpp"

#include <arpa/inet.h>

#include <array>

#include <fmt/format.h>

#include "pg/sql_text.hpp"

namespace pgkeel::client {
namespace {

constexpr std::string_view kNoEntry = "28000";  // invalid_authorization_specification
constexpr std::string_view kNotAllowed = "42501";
constexpr std::string_view kTooMany = "53300";
constexpr std::string_view kWrongSetting = "55000";

std::string with_prefix_length(const std::string& word) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (::inet_pton(AF_INET, word.c_str(), bytes.data()) == 1) return word + "/32";
  if (::inet_pton(AF_INET6, word.c_str(), bytes.data()) == 1) return word + "/128";
  return {};
}

// The first word of the text that is an address.
std::string address_in(std::string_view text) {
  constexpr std::string_view kOfAddresses = "0123456789abcdefABCDEF.:";
  while (!text.empty()) {
    const auto begin = text.find_first_of(kOfAddresses);
    if (begin == std::string_view::npos) return {};
    text.remove_prefix(begin);
    const auto size = std::min(text.find_first_not_of(kOfAddresses), text.size());
    if (auto address = with_prefix_length(std::string(text.substr(0, size))); !address.empty())
      return address;
    text.remove_prefix(size);
  }
  return {};
}

bool over_socket(const pg::Conninfo& conninfo) {
  return conninfo.host.empty() || conninfo.host.starts_with('/') || conninfo.host.starts_with('@');
}

std::string hba_line(std::string_view message, const pg::Conninfo& conninfo) {
  const std::string user = conninfo.user.empty() ? "postgres" : conninfo.user;
  if (over_socket(conninfo)) return fmt::format("local replication {} peer", user);
  auto address = address_in(message);
  if (address.empty()) address = "ADDRESS/32";
  return fmt::format("host replication {} {} scram-sha-256", user, address);
}

}  // namespace

std::string replication_hint(const ConnectRefusal& refusal, const pg::Conninfo& conninfo) {
  if (refusal.sqlstate == kNoEntry)
    return fmt::format(
        "Add this line to pg_hba.conf and reload the server (select pg_reload_conf()): {}",
        hba_line(refusal.detail, conninfo));
  if (refusal.sqlstate == kNotAllowed)
    return replication_command_hint(refusal.sqlstate, conninfo.user);
  if (refusal.sqlstate == kTooMany)
    return "Raise max_wal_senders (at least 4 for pgkeel) and restart the server.";
  return {};
}

std::string replication_command_hint(std::string_view sqlstate, std::string_view user) {
  if (sqlstate == kNotAllowed) {
    const auto role = pg::quote_identifier(user);
    return fmt::format("Allow it as a superuser: ALTER ROLE {} REPLICATION;",
                       role ? *role : std::string("ROLE"));
  }
  if (sqlstate == kWrongSetting)
    return "Set wal_level = replica, max_wal_senders and max_replication_slots to at least 4, and "
           "restart the server.";
  return {};
}

}  // namespace pgkeel::client
