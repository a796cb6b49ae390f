// Why a server did not let the gateway in, so that the owner can tell what a retry, another
// password or a person may mend, and a client can be told what the server said.
#pragma once

#include <string>

#include "pg/wire/error_fields.hpp"

namespace pgkeel::gateway {

enum class ServerTrouble : std::uint8_t {
  Said,           ///< an ErrorResponse: what it says is in the failure
  TlsNotOffered,  ///< and it was required
  StaleVerifier,  ///< the password was changed since the keys were learned: fetch the verifier
                  ///< again
  NoCredentials,  ///< it asks for a proof that the credentials do not give
  NotItself,      ///< it could not prove that it knows the verifier
  Protocol,       ///< it does not speak the protocol, or beyond bounds
};

/// Every text may be empty: a server, or what speaks for one, need not send a SQLSTATE.
struct ServerFailure {
  ServerTrouble trouble = ServerTrouble::Protocol;
  std::string message;
  std::string severity = {};  ///< FATAL and the like; only when the server Said it
  std::string sqlstate = {};  ///< as the severity
  std::string detail = {};
  std::string hint = {};

  [[nodiscard]] static ServerFailure said(const pg::wire::ErrorFields& fields);
};

}  // namespace pgkeel::gateway
