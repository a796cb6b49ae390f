// What a client says until its session begins: requests for encryption, to cancel, for a session;
// then its proof. Sans I/O: bytes come in, cut anywhere, bytes go out, and each call says what the
// connection's owner is to do next. No clock and no randomness.
// It guarantees: nothing unencrypted is taken for encrypted (CVE-2021-23214); at most
// kHeldBytesMost are held before the proof; every refusal has been appended as the server would say
// it. It refuses to know who may log in: the owner finds the verifier, and finds none where a login
// is forbidden. https://www.postgresql.org/docs/current/protocol-flow.html ("Start-up")
#pragma once

#include "gateway/session/client_proof.hpp"
#include "gateway/session/client_request.hpp"
#include "pg/wire/negotiate.hpp"

namespace pgkeel::gateway {

/// Whether clients get TLS. Require: a session without it is refused; a CancelRequest is not, as
/// libpq before 17 sends it in clear.
enum class ClientTls : std::uint8_t { Off, Allow, Require };

/// What a listener asks of its clients.
struct ClientTerms {
  ClientTls tls = ClientTls::Allow;
  std::uint16_t newest_minor = pg::wire::kNewestMinor;
  /// What real verifiers have, so that unknown users look like them.
  std::uint32_t mock_iterations = pg::kScramIterations;
  pg::ScramKey mock_seed = {};  ///< secret, and the same as long as the process runs
};

/// For the owner to pass on. Whoever asks gets no answer, and the connection is closed.
struct CancelAsked {
  std::uint32_t process_id = 0;
  std::string key;  ///< 4 to 256 bytes
};

/// The owner looks for it and calls resume_with() or resume_without(); it reads nothing meanwhile.
struct FindVerifier {
  std::string_view user;  ///< both valid until the login is resumed or moved
  std::string_view database;
};

/// The client is who it says. It waits for append_greeting(); bytes behind its proof are left().
struct ClientProven {
  ClientRequest request;
  pg::wire::ProtocolVersion version;  ///< that both speak
  std::optional<pg::ScramKeys> keys;  ///< where SCRAM proved it
};

/// Send what was appended and close. Nothing was for TLS where there is none, as by the server.
struct ClientRefused {
  Refusal refusal;  ///< for the log
};

using ClientStep =
    std::variant<NeedBytes, BeginTls, CancelAsked, FindVerifier, ClientProven, ClientRefused>;

class ClientLogin {
 public:
  /// A start-up packet and a proof, with room for what a hasty client sends behind them.
  static constexpr std::size_t kHeldBytesMost = 16U << 10U;

  ClientLogin(const ClientTerms& terms, ProofChallenge challenge)
      : terms_(terms), challenge_(std::move(challenge)) {}

  /// Received bytes; behind TLS, what came out of it. Not while TLS or a verifier is awaited, nor
  /// after the end.
  [[nodiscard]] ClientStep resume(ByteSpan bytes, pg::wire::ByteBuffer& out);
  /// The handshake that BeginTls asked for is done. `end_point`: tls_server_end_point() of our
  /// certificate; empty where it has none, and then no channel is bound.
  void begun_tls(std::string end_point);
  /// After FindVerifier.
  [[nodiscard]] ClientStep resume_with(ClientVerifier verifier, pg::wire::ByteBuffer& out);
  /// There is no such user, or it must not log in: looks like a wrong password.
  [[nodiscard]] ClientStep resume_without(pg::wire::ByteBuffer& out);
  /// Ends the login for a reason of the owner's: no such database, too many clients, a time limit.
  /// Within a handshake nothing is appended: the client could not read it.
  [[nodiscard]] ClientStep refuse(Refusal refusal, pg::wire::ByteBuffer& out);

  /// What came behind the proof and belongs to the session. Valid until the next call.
  [[nodiscard]] ByteSpan left() const { return reader_.left(); }

 private:
  enum class State : std::uint8_t { Startup, AwaitTls, AwaitVerifier, Proving, Ended };
  enum class Channel : std::uint8_t { Clear, Tls };

  [[nodiscard]] ClientStep begin_direct();
  [[nodiscard]] ClientStep advance_startup(pg::wire::ByteBuffer& out);
  [[nodiscard]] ClientStep advance_proof(pg::wire::ByteBuffer& out);
  [[nodiscard]] Refusal startup_refusal() const;
  [[nodiscard]] ClientStep prove(ClientVerifier verifier, pg::wire::ByteBuffer& out);
  [[nodiscard]] ClientStep proven(const Proof& proof);

  /// Of each kind of packet; nothing: go on with the next one.
  using Answer = std::optional<ClientStep>;
  [[nodiscard]] Answer take(pg::wire::TlsRequest request, pg::wire::ByteBuffer& out);
  [[nodiscard]] Answer take(pg::wire::GssEncryptionRequest request, pg::wire::ByteBuffer& out);
  [[nodiscard]] Answer take(const pg::wire::CancelRequest& request, pg::wire::ByteBuffer& out);
  [[nodiscard]] Answer take(const pg::wire::StartupMessage& startup, pg::wire::ByteBuffer& out);

  ClientTerms terms_;
  ProofChallenge challenge_;
  pg::wire::MessageReader reader_{pg::wire::Sender::Frontend, kProofBytesMost};
  State state_ = State::Startup;
  Channel channel_ = Channel::Clear;
  bool heard_ = false;      ///< anything at all
  bool tls_asked_ = false;  ///< each request for encryption may come once
  bool gss_asked_ = false;
  std::string end_point_;
  ClientRequest request_;
  pg::wire::ProtocolVersion version_;
  std::optional<ClientProof> proof_;
};

}  // namespace pgkeel::gateway
