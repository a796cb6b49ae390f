// TLS on a stream to a server: what comes is decrypted, what goes out is encrypted once a round.
// It guarantees: from its begin on nothing of its owner's goes out in clear, and nothing is taken
// for what came through TLS before the server is verified as the terms say. The owner has refused
// what lay in clear behind the server's answer (ServerLogin, CancelCall).
#pragma once

#include <memory>
#include <string>

#include "gateway/relay/settings.hpp"
#include "gateway/relay/stream.hpp"
#include "gateway/session/refusal.hpp"
#include "gateway/tls/channel.hpp"

namespace pgkeel::gateway {

class Worker;

class TlsLine {
 public:
  /// Sends what opens the handshake. Failed: no memory, or the host is no name.
  [[nodiscard]] static Result<std::unique_ptr<TlsLine>> begin(Worker& worker, Stream& stream,
                                                              const ServerTlsTerms& terms);

  /// What came through, which lies there until the flush. AuthFailed: the server is not whom the
  /// terms want; ConnectionFailed. An alert is on its way then.
  [[nodiscard]] Result<ByteSpan> receive(ByteSpan ciphertext);
  /// Whether the handshake is over, once.
  [[nodiscard]] bool take_opened();
  /// The server has said that nothing comes any more.
  [[nodiscard]] bool closed() const { return channel_.state() == TlsChannel::State::Closed; }
  /// For SCRAM: of the server's certificate.
  [[nodiscard]] std::string end_point() const { return channel_.peer_end_point(); }
  [[nodiscard]] std::string cipher() const { return channel_.cipher(); }

  void send(ByteSpan plaintext);
  /// With its owner's on_flush().
  void flush();

 private:
  TlsLine(Worker& worker, Stream& stream, TlsChannel channel)
      : worker_(worker), stream_(stream), channel_(std::move(channel)) {}

  Worker& worker_;
  Stream& stream_;
  TlsChannel channel_;
  bool told_opened_ = false;
  ByteBuffer plain_;  ///< to be encrypted with the flush
};

/// What whoever waits is told of an error of begin() or receive(): 08001 where another try will not
/// mend it.
[[nodiscard]] Refusal refusal_of_tls(const Error& error, const SocketAddress& server);

}  // namespace pgkeel::gateway
