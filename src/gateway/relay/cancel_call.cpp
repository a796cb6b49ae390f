// See cancel_call.hpp.
#include "gateway/relay/cancel_call.hpp"

#include "gateway/relay/dial.hpp"
#include "gateway/relay/server.hpp"
#include "gateway/relay/worker.hpp"
#include "pg/wire/startup.hpp"

namespace pgkeel::gateway {
namespace {

constexpr Millis kPatience{5000};  // a server that does not even read this is not to be waited for

}  // namespace

CancelCall::CancelCall(Worker& worker, const Server& of, Server* server,
                       std::shared_ptr<Client*> asker)
    : worker_(worker),
      key_(of.cancel_key().value()),
      address_(of.address()),
      server_(server),
      asker_(std::move(asker)),
      deadline_(worker.now() + kPatience) {
  if (server_ != nullptr) ++server_->cancels;
}

Result<void> CancelCall::connect() { return dial(worker_.loop(), stream_, *this, address_); }

void CancelCall::on_connected(int error) {
  if (error != 0) return end(End::Lost);
  written_ = true;
  ByteBuffer out;
  append(out, pg::wire::CancelRequest{key_.process_id, key_.key});
  worker_.loop().send_copy(stream_, out);
}

void CancelCall::on_end(int) { end(End::Arrived); }

void CancelCall::end(End how) {
  worker_.loop().close(stream_);
  auto* server = std::exchange(server_, nullptr);
  const auto asker = std::exchange(asker_, nullptr);
  worker_.gone(*this);
  if (server != nullptr)
    server->cancelled(how == End::Lost && written_ ? Server::Cancel::Lost
                                                   : Server::Cancel::Arrived);
  if (asker && *asker != nullptr) worker_.gone(**asker);
}

}  // namespace pgkeel::gateway
