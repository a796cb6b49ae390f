// See cancel_call.hpp.
#include "gateway/relay/cancel_call.hpp"

#include "base/log.hpp"
#include "gateway/relay/dial.hpp"
#include "gateway/relay/server.hpp"
#include "gateway/relay/worker.hpp"
#include "pg/wire/startup.hpp"

namespace pgkeel::gateway {
namespace {

constexpr Millis kPatience{5000};  // a server that does not even read this is not to be waited for

}  // namespace

CancelCall::CancelCall(Worker& worker, const ServerLine& of, Server* server,
                       std::function<void()> told)
    : worker_(worker),
      key_(of.cancel_key().value()),
      address_(of.address()),
      tls_terms_(of.tls_terms()),
      server_(server),
      told_(std::move(told)),
      deadline_(worker.now() + kPatience) {
  if (server_ != nullptr) ++server_->cancels;
}

Result<void> CancelCall::connect() { return dial(worker_.loop(), stream_, *this, address_); }

void CancelCall::on_connected(int error) {
  if (error != 0) return end(End::Lost);
  if (!tls_terms_) return ask();
  ByteBuffer out;
  append(out, pg::wire::TlsRequest());
  worker_.loop().send_copy(stream_, out);
}

// Of a server that has no TLS any more, and of what lies in clear behind its answer, nothing is
// believed.
void CancelCall::on_bytes(ByteSpan bytes) {
  if (tls_) return decrypt(bytes);
  if (!tls_terms_) return;
  auto line = bytes.size() == 1 && bytes[0] == kTlsYes
                  ? TlsLine::begin(worker_, stream_, *tls_terms_)
                  : fail(ErrorCode::ConnectionFailed, "the server has no TLS any more");
  if (line) tls_ = std::move(*line);
  else lost_tls(line.error());
}

void CancelCall::decrypt(ByteSpan bytes) {
  const auto came = tls_->receive(bytes);
  if (!came) return lost_tls(came.error());
  if (tls_->take_opened()) ask();
  else if (tls_->closed()) on_end(0);
}

void CancelCall::ask() {
  written_ = true;
  ByteBuffer out;
  append(out, pg::wire::CancelRequest{key_.process_id, key_.key});
  if (tls_) tls_->send(out);
  else worker_.loop().send_copy(stream_, out);
}

void CancelCall::on_flush() {
  if (tls_) tls_->flush();
}

void CancelCall::lost_tls(const Error& why) {
  log_warning("a query could not be cancelled", {{"why", why.message()}});
  end(End::Lost);
}

void CancelCall::on_end(int) { end(End::Arrived); }

void CancelCall::end(End how) {
  worker_.loop().close(stream_);
  auto* server = std::exchange(server_, nullptr);
  const auto told = std::move(told_);
  worker_.gone(*this);
  if (server != nullptr)
    server->cancelled(how == End::Lost && written_ ? Server::Cancel::Lost
                                                   : Server::Cancel::Arrived);
  told();
}

}  // namespace pgkeel::gateway
