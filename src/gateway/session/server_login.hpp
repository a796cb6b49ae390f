// The gateway as the client of a server, from the first byte to ReadyForQuery. Sans I/O: bytes come
// in, cut anywhere, bytes go out, and each call says what the connection's owner is to do next.
// It guarantees: nothing in clear is taken for what came through TLS (CVE-2021-23222); what a
// server may make us keep is bounded by the constants below. It refuses settings that would make
// the session another user's, and a server that is ready before it has proven itself where SCRAM
// asks. https://www.postgresql.org/docs/current/protocol-flow.html ("Start-up")
#pragma once

#include "gateway/session/login_steps.hpp"
#include "gateway/session/server_proof.hpp"
#include "pg/wire/backend_messages.hpp"
#include "pg/wire/message_reader.hpp"
#include "pg/wire/startup.hpp"

namespace pgkeel::gateway {

/// Prefer: goes on in clear where the server has none.
enum class ServerTls : std::uint8_t { Off, Prefer, Require };

struct ServerTerms {
  std::string user;
  std::string database;
  Parameters settings = {};  ///< names as is_reserved_parameter() allows
  Replication replication = Replication::None;
  ServerCredentials credentials = NoCredentials{};
  ServerTls tls = ServerTls::Off;
  ClearPassword clear = ClearPassword::OverTls;
  /// As libpq: 3.0 where nobody asks for more. 2: longer cancel keys from PostgreSQL 18 on.
  std::uint16_t newest_minor = 0;
  std::string nonce;  ///< pg::scram_nonce(), fresh for every connection
};

/// The key of a server's session, for a CancelRequest.
struct CancelKey {
  std::uint32_t process_id = 0;
  std::string key;
};

/// Idle, and ours. What came behind ReadyForQuery is left().
struct ServerReady {
  Parameters parameters;                ///< one of a name, the last that was said
  std::optional<CancelKey> cancel_key;  ///< some that speak for servers have none
  pg::wire::ProtocolVersion version;    ///< that both speak
};

/// Close; nothing more is to be sent.
struct ServerRefused {
  ServerFailure failure;
};

using ServerStep = std::variant<NeedBytes, BeginTls, DeriveKeys, ServerReady, ServerRefused>;

class ServerLogin {
 public:
  /// libpq takes 30000 bytes of what is not data; notices of a server may be longer.
  static constexpr std::size_t kMessageBytesMost = 64U << 10U;
  /// A server reports some fifteen; extensions may mark a few of theirs.
  static constexpr std::size_t kParametersMost = 128;
  /// Of all names and values: application_name and search_path are a name or some long.
  static constexpr std::size_t kParameterBytesMost = 64U << 10U;

  explicit ServerLogin(ServerTerms terms);

  /// Appends what opens the connection.
  [[nodiscard]] ServerStep start(pg::wire::ByteBuffer& out);
  /// Received bytes; behind TLS, what came out of it. Not while TLS or keys are awaited, nor after
  /// the end.
  [[nodiscard]] ServerStep resume(ByteSpan bytes, pg::wire::ByteBuffer& out);
  /// The handshake is done. `end_point`: of the server's certificate, empty where it has none.
  [[nodiscard]] ServerStep begun_tls(std::string end_point, pg::wire::ByteBuffer& out);
  /// After DeriveKeys.
  [[nodiscard]] ServerStep resume_with(const pg::ScramKeys& keys, pg::wire::ByteBuffer& out);

  /// What came behind ReadyForQuery: notices, parameters. Valid until the next call.
  [[nodiscard]] ByteSpan left() const { return reader_.left(); }

 private:
  enum class State : std::uint8_t {
    Fresh,
    AwaitTlsAnswer,
    AwaitTls,
    Authenticating,
    AwaitKeys,
    Beginning,  ///< authenticated, not yet ready
    Ended,
  };
  using Answer = std::optional<ServerStep>;

  [[nodiscard]] ServerStep open_session(pg::wire::ByteBuffer& out);
  [[nodiscard]] ServerStep take_tls_answer(ByteSpan bytes, pg::wire::ByteBuffer& out);
  [[nodiscard]] ServerStep advance(pg::wire::ByteBuffer& out);
  /// Of each message; nothing: go on with the next one.
  [[nodiscard]] Answer take(const pg::wire::Message& message, pg::wire::ByteBuffer& out);
  [[nodiscard]] Answer take_authentication(ByteSpan body, pg::wire::ByteBuffer& out);
  [[nodiscard]] Answer take_version(ByteSpan body);
  [[nodiscard]] Answer take_beginning(const pg::wire::Message& message);
  [[nodiscard]] Answer take_parameter(ByteSpan body);
  [[nodiscard]] Answer take_key(ByteSpan body);
  [[nodiscard]] Answer take_ready(ByteSpan body);
  [[nodiscard]] ServerStep fail_with(ServerFailure failure);
  [[nodiscard]] ServerStep violates(std::string message);

  ServerTerms terms_;
  ServerProof proof_;
  pg::wire::MessageReader reader_{pg::wire::Sender::Backend, kMessageBytesMost};
  State state_ = State::Fresh;
  EndPoint end_point_;
  ServerReady ready_;
  std::size_t parameter_bytes_ = 0;
};

}  // namespace pgkeel::gateway
