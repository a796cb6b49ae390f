// One CancelRequest on its way to the server. The server it is for is given to nobody else until
// the server has read it, which shows when the connection is closed from there: otherwise it could
// end the query of the next client (docs/adr/0012). Whoever asked for it is kept
// until then, as by PostgreSQL: the end of its connection tells that its next query is not hit.
// It goes through TLS where the server it is for was reached so, or not at all: the key is a
// secret.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "gateway/relay/loop.hpp"
#include "gateway/relay/settings.hpp"
#include "gateway/relay/tls_line.hpp"
#include "gateway/session/server_login.hpp"

namespace pgkeel::gateway {

class Server;
class ServerLine;
class Worker;

class CancelCall final : public StreamOwner {
 public:
  /// Cancels what `of` does, which has a key. `server`: it, or nullptr when nobody waits for it any
  /// more, or nobody else ever has it. `told`: called when it is over.
  CancelCall(Worker& worker, const ServerLine& of, Server* server, std::function<void()> told);

  [[nodiscard]] Result<void> connect();
  void on_bytes(ByteSpan bytes) override;
  void on_flush() override;
  void on_end(int error) override;
  void on_blocked() override {}
  void on_drained() override {}
  void on_hangup() override {}
  void on_connected(int error) override;

  [[nodiscard]] Stream& stream() { return stream_; }
  [[nodiscard]] SteadyTime deadline() const { return deadline_; }
  /// Lost: it may still lie where the server has not read it.
  enum class End : std::uint8_t { Arrived, Lost };
  void end(End how);
  /// The server is gone: nobody waits for this any more.
  void forget(const Server& server) {
    if (server_ == &server) server_ = nullptr;
  }
  std::list<std::unique_ptr<CancelCall>>::iterator place;

 private:
  void decrypt(ByteSpan bytes);
  void ask();
  void lost_tls(const Error& why);

  Worker& worker_;
  CancelKey key_;
  SocketAddress address_;
  std::shared_ptr<const ServerTlsTerms> tls_terms_;
  std::unique_ptr<TlsLine> tls_;
  bool written_ = false;  ///< before, nothing can arrive of it
  Server* server_;
  std::function<void()> told_;
  Stream stream_{*this};
  SteadyTime deadline_;
};

}  // namespace pgkeel::gateway
