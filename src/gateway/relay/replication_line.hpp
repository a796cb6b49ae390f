// A replication session: a connection to the server that was opened for one client, with its kind
// of replication and its settings, and is closed when either leaves (hazard 18).
// It guarantees: nobody else ever has it, so it needs no reset; what either says is passed on as it
// is, unread, CopyBoth and its keepalives with it; who does not read stops the other. It refuses to
// wait for a server that is away: what replicates comes again by itself.
#pragma once

#include "gateway/relay/server_line.hpp"
#include "gateway/session/client_request.hpp"

namespace pgkeel::gateway {

class Client;

class ReplicationLine final : public ServerLine {
 public:
  ReplicationLine(Worker& worker, Client& client, const ClientRequest& request,
                  ServerCredentials credentials);

  void on_end(int error) override;
  void on_blocked() override;
  void on_drained() override;
  void on_hangup() override;

  /// The client leaves: so does the walsender.
  void close();

 private:
  void opened(const ServerReady& ready, ByteSpan behind) override;
  void take(ByteSpan bytes) override;
  void lost(const std::optional<Refusal>& why) override;

  Client& client_;
};

}  // namespace pgkeel::gateway
