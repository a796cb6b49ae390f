// How a client proves its user once the verifier is known: the exchange between the start-up
// message and AuthenticationOk. Sans I/O; nonce and salt come from outside.
// It guarantees: SASLFinal is sent before anything says that the client is in; a wrong password, an
// unknown user and a login that was forbidden look alike. It refuses passwords in clear.
// Follows src/backend/libpq/auth.c and auth-sasl.c.
#pragma once

#include <array>
#include <expected>
#include <optional>
#include <variant>

#include "gateway/credentials/stored_password.hpp"
#include "gateway/session/refusal.hpp"
#include "pg/scram/server.hpp"
#include "pg/wire/message_reader.hpp"

namespace pgkeel::gateway {

/// Needs no proof: whoever may connect is trusted, as over a Unix socket that says so.
struct Trusted {};
/// What a client is to prove itself against.
using ClientVerifier = std::variant<Trusted, pg::ScramVerifier, Md5Verifier>;

/// PG_MAX_SASL_MESSAGE_LENGTH; an answer to MD5 has 36 bytes.
inline constexpr std::size_t kProofBytesMost = pg::kScramMessageBytesMost;
inline constexpr std::size_t kMd5SaltBytes = 4;

/// Random, fresh for every client.
struct ProofChallenge {
  std::string nonce;  ///< pg::scram_nonce()
  std::array<std::byte, kMd5SaltBytes> md5_salt{};
};

/// A user who needs to prove nothing more.
struct Proof {
  std::optional<pg::ScramKeys> keys;  ///< that open the server for as long as the verifier stands
};

class ClientProof {
 public:
  /// `end_point`: tls_server_end_point() of our certificate when the client came over TLS.
  ClientProof(std::string_view user, ClientVerifier verifier, const ProofChallenge& challenge,
              std::string end_point);

  /// Appends the request for a proof; the proof at once where none is needed.
  [[nodiscard]] std::optional<Proof> ask(pg::wire::ByteBuffer& out);
  /// What the client answers, after ask(): the proof when it is complete.
  [[nodiscard]] std::expected<std::optional<Proof>, Refusal> take(const pg::wire::Message& message,
                                                                  pg::wire::ByteBuffer& out);

 private:
  using Taken = std::expected<std::optional<Proof>, Refusal>;
  struct Md5 {
    Md5Verifier verifier;
    std::array<std::byte, kMd5SaltBytes> salt;
  };
  struct Scram {
    pg::ScramServer server;
    std::string end_point;
    std::string mechanism = {};  ///< that the client chose
    enum class Next : std::uint8_t { Mechanism, First, Final } next = Next::Mechanism;
  };

  [[nodiscard]] Taken take_md5(const Md5& md5, ByteSpan body);
  [[nodiscard]] Taken take_scram(Scram& scram, ByteSpan body, pg::wire::ByteBuffer& out);
  [[nodiscard]] Taken take_mechanism(Scram& scram, ByteSpan body, pg::wire::ByteBuffer& out);
  [[nodiscard]] Taken take_first(Scram& scram, std::string_view first, pg::wire::ByteBuffer& out);
  [[nodiscard]] Taken take_final(Scram& scram, std::string_view final, pg::wire::ByteBuffer& out);
  [[nodiscard]] Refusal wrong_password() const;

  std::string user_;
  std::variant<Trusted, Md5, Scram> method_;
};

}  // namespace pgkeel::gateway
