// The keys of SCRAM-SHA-256 and what a server stores of them. A client that has ClientKey and
// ServerKey needs no password: a gateway keeps those, per user and verifier, and nothing else.
// RFC 5802, RFC 7677; src/common/scram-common.c of PostgreSQL.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "pg/scram/secret.hpp"

namespace pgkeel::pg {

using ScramKey = Secret<32>;

/// What proves a password to a server that has the verifier of it.
struct ScramKeys {
  ScramKey client_key;
  ScramKey server_key;  ///< what the server proves itself with
};

/// Whoever chooses the number makes others count so far: a server its clients, an administrator the
/// gateway. A million is more than half a second.
inline constexpr std::uint32_t kScramIterationsMost = 1'000'000;
/// PostgreSQL's default, scram_iterations.
inline constexpr std::uint32_t kScramIterations = 4096;
/// PostgreSQL's have 16.
inline constexpr std::size_t kScramSaltBytesMost = 256;

struct ScramVerifier {
  std::uint32_t iterations = kScramIterations;
  std::string salt;
  ScramKey stored_key;
  ScramKey server_key;
};

/// SCRAM-SHA-256$4096:SALT$STORED:SERVER, as pg_authid has it. Malformed: not that, or out of the
/// bounds above; the error does not repeat it.
[[nodiscard]] Result<ScramVerifier> parse_scram_verifier(std::string_view text);
[[nodiscard]] std::string format_scram_verifier(const ScramVerifier& verifier);

/// From the password, prepared by saslprep_or_raw(). Takes the time of `iterations`: a millisecond
/// or two at 4096, so not on a loop that others wait for. Malformed: iterations out of bounds, no
/// salt; Failed: OpenSSL cannot.
[[nodiscard]] Result<ScramKeys> derive_scram_keys(std::string_view password, std::string_view salt,
                                                  std::uint32_t iterations);

/// What a server keeps for somebody with these keys.
[[nodiscard]] ScramVerifier scram_verifier_of(const ScramKeys& keys, std::string_view salt,
                                              std::uint32_t iterations);

/// A verifier for a user that does not exist: the same each time for a name and a `seed` that stays
/// secret, and nobody has a password for it. An exchange with it looks like that of a user who
/// mistyped, so users cannot be found out; `iterations` is to be what real users have.
[[nodiscard]] ScramVerifier mock_scram_verifier(std::string_view user, const ScramKey& seed,
                                                std::uint32_t iterations = kScramIterations);

/// HMAC-SHA-256 and SHA-256 as SCRAM uses them.
[[nodiscard]] ScramKey scram_hmac(const ScramKey& key, std::string_view text);
[[nodiscard]] ScramKey scram_hash(const ScramKey& key);
/// Each byte of one with that of the other: a proof from key and signature, and the key from both.
[[nodiscard]] ScramKey scram_xor(const ScramKey& a, const ScramKey& b);

}  // namespace pgkeel::pg
