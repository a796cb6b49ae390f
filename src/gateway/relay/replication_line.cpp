// See replication_line.hpp.
#include "gateway/relay/replication_line.hpp"

#include <utility>

#include "gateway/relay/client.hpp"
#include "gateway/relay/worker.hpp"

namespace pgkeel::gateway {
namespace {

ServerTerms terms_of(const ClientRequest& request, ServerCredentials credentials) {
  ServerTerms terms;
  terms.user = request.user;
  terms.database = request.database;
  terms.settings = request.settings;
  terms.replication = request.replication;
  terms.credentials = std::move(credentials);
  return terms;
}

}  // namespace

ReplicationLine::ReplicationLine(Worker& worker, Client& client, const ClientRequest& request,
                                 ServerCredentials credentials)
    : ServerLine(worker, terms_of(request, std::move(credentials))), client_(client) {}

void ReplicationLine::opened(const ServerReady& ready, ByteSpan behind) {
  client_.greet(std::make_shared<Parameters>(ready.parameters));
  if (!behind.empty()) client_.send_copy(behind);
}

void ReplicationLine::take(ByteSpan bytes) { client_.send(bytes); }

void ReplicationLine::on_blocked() {
  if (stream_.backlog() > kBacklogMost) worker_.loop().stop_reading(client_.stream());
}

void ReplicationLine::on_drained() {
  if (ready()) worker_.loop().resume_reading(client_.stream());
}

void ReplicationLine::on_hangup() { worker_.loop().resume_reading(stream_); }

void ReplicationLine::on_end(int) { lost(std::nullopt); }

void ReplicationLine::close() { worker_.loop().close(stream_); }

// Once it is open nothing of ours may come between what the server has said.
void ReplicationLine::lost(const std::optional<Refusal>& why) {
  close();
  if (ready()) return client_.server_lost(std::nullopt);
  client_.server_lost(
      why.value_or(Refusal{"08006", "the server closed the connection unexpectedly"}));
}

}  // namespace pgkeel::gateway
