// Who a client says it is and what it wants its session to be: the parameters of its start-up
// message, told apart as ProcessStartupPacket() in src/backend/tcop/backend_startup.c does it.
// It guarantees: no setting has a name that means something else in a start-up message, so that
// settings may be sent to a server as its parameters; their number is bounded.
#pragma once

#include <expected>

#include "gateway/session/login_steps.hpp"
#include "gateway/session/refusal.hpp"
#include "pg/wire/startup.hpp"

namespace pgkeel::gateway {

/// NAMEDATALEN - 1: longer names of users and databases are cut, as the server cuts them.
inline constexpr std::size_t kNameBytesMost = 63;
/// PostgreSQL has some 350 settings, and "options" may name one in each byte of a packet.
inline constexpr std::size_t kSettingsMost = 256;

struct ClientRequest {
  std::string user;      ///< never empty
  std::string database;  ///< the user's name where none was given
  /// Those of "options" first, then the others, as the server applies them.
  Parameters settings = {};
  Replication replication = Replication::None;

  /// As asked for; empty when it was not.
  [[nodiscard]] std::string_view application_name() const;
};

/// Refusal: no user, a value that is none, options that are no switches, too many settings.
[[nodiscard]] std::expected<ClientRequest, Refusal> read_client_request(
    const pg::wire::StartupMessage& startup);

/// Whether a start-up message means something else by this name, or could not carry it: "user",
/// "database", "options", "replication", those of the protocol ("_pq_."), and the empty one.
[[nodiscard]] bool is_reserved_parameter(std::string_view name);

}  // namespace pgkeel::gateway
