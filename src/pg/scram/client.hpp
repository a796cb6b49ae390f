// The client's side of SCRAM-SHA-256, with keys that came from a password or were kept from a
// proof. No randomness, no I/O. It guarantees: a server that does not know the keys is refused at
// its last message; channel binding is used where both can, and a server that hid its offer is
// found out by the real one. Follows src/interfaces/libpq/fe-auth-scram.c; RFC 5802, RFC 5929.
#pragma once

#include "pg/scram/message.hpp"

namespace pgkeel::pg {

/// What the client says about channel binding: the letter that opens its first message.
enum class ScramBinding : char {
  None = 'n',        ///< no TLS
  NotOffered = 'y',  ///< we could, but the server did not offer it
  EndPoint = 'p',
};

struct ScramChoice {
  std::string_view mechanism;
  ScramBinding binding = ScramBinding::None;
};

/// Which of the server's mechanisms (a range of std::string_view) to take; `end_point`:
/// tls_server_end_point() of its certificate, empty without TLS. Refused: none of them is ours, or
/// one with channel binding comes over a channel that has none.
template <class Mechanisms>
[[nodiscard]] Result<ScramChoice> choose_scram(const Mechanisms& offered,
                                               std::string_view end_point) {
  bool plain = false, plus = false;
  for (const std::string_view mechanism : offered) {
    plain = plain || mechanism == kScramSha256;
    plus = plus || mechanism == kScramSha256Plus;
  }
  if (plus && end_point.empty())
    return fail(ErrorCode::Refused, "the server offers SCRAM channel binding without TLS");
  if (plus) return ScramChoice{kScramSha256Plus, ScramBinding::EndPoint};
  if (!plain) return fail(ErrorCode::Refused, "the server offers no SASL mechanism we know");
  return ScramChoice{kScramSha256,
                     end_point.empty() ? ScramBinding::None : ScramBinding::NotOffered};
}

/// What the server wants the password hashed with.
struct ScramChallenge {
  std::string salt;
  std::uint32_t iterations = 0;
};

class ScramClient {
 public:
  /// `nonce` and `end_point` as for ScramServer. `user` is what the first message names: PostgreSQL
  /// takes the start-up packet's and libpq leaves it empty.
  ScramClient(ScramBinding binding, std::string nonce, std::string end_point = {},
              std::string_view user = {});

  /// For the SASLInitialResponse.
  [[nodiscard]] std::string first() const;
  /// From SASLContinue. Malformed, also for a nonce that is not ours or counts out of bounds.
  /// Whoever kept keys compares it with the verifier they are of: other salt or count, other keys.
  [[nodiscard]] Result<ScramChallenge> challenge(std::string_view server_first);
  /// For the SASLResponse, after challenge() went well; the keys are those of the challenge.
  [[nodiscard]] std::string final(const ScramKeys& keys);
  /// From SASLFinal. Malformed; AuthFailed: the server said an error, or does not know the keys and
  /// is not the one it says it is.
  [[nodiscard]] Result<void> check(std::string_view server_final) const;

 private:
  std::string header_;
  std::string binding_;
  std::string nonce_;
  std::string first_bare_;
  std::string server_first_;
  ScramKey signature_;  ///< that the server must show
  bool asked_ = false;
};

}  // namespace pgkeel::pg
