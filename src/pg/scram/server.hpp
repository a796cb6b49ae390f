// The server's side of SCRAM-SHA-256, against a stored verifier: two messages in, two out. No
// randomness, no I/O; a gateway proves its clients with it, and gets the key that proves them to
// the real server. It guarantees what auth-scram.c does: a client that could bind the channel and
// says that we cannot is refused (a downgrade), and a wrong password looks like no user. RFC 5802,
// RFC 5929.
#pragma once

#include <span>

#include "pg/scram/message.hpp"

namespace pgkeel::pg {

/// The mechanisms to offer, best first: with channel binding only where there is an end point.
[[nodiscard]] std::span<const std::string_view> scram_mechanisms(std::string_view end_point);

class ScramServer {
 public:
  /// `nonce`: is_scram_printable(), fresh for every exchange (CHECKed, as it is ours).
  /// `end_point`: tls_server_end_point() of our certificate when the client came over TLS, else
  /// empty.
  ScramServer(ScramVerifier verifier, std::string nonce, std::string end_point = {});

  /// From the client's SASLInitialResponse to what SASLContinue is to carry. Malformed; Refused: a
  /// mechanism that was not offered, a downgrade; NotSupported: another authorization identity or
  /// extension, another kind of channel binding.
  [[nodiscard]] Result<std::string> first(std::string_view mechanism,
                                          std::string_view client_first);

  struct Proven {
    std::string server_final;  ///< what SASLFinal is to carry
    ScramKeys keys;            ///< of this user, for as long as the verifier stands
  };
  /// From the client's SASLResponse, after first() went well. Malformed; AuthFailed: the password
  /// is wrong.
  [[nodiscard]] Result<Proven> final(std::string_view client_final) const;

 private:
  [[nodiscard]] Result<void> take_header(std::string_view mechanism, ScramReader& reader);

  ScramVerifier verifier_;
  std::string nonce_;  ///< at first ours, then the client's and ours
  std::string end_point_;
  std::string binding_;  ///< what the client must repeat
  std::string client_first_bare_;
  std::string server_first_;
};

}  // namespace pgkeel::pg
