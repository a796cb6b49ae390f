// See server_line.hpp.
#include "gateway/relay/server_line.hpp"

#include <sys/random.h>

#include <array>
#include <utility>

#include "base/overloaded.hpp"
#include "gateway/relay/dial.hpp"
#include "gateway/relay/worker.hpp"
#include "pg/scram/message.hpp"

namespace pgkeel::gateway {
namespace {

std::string fresh_nonce() {
  std::array<std::byte, 18> random{};
  CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  return pg::scram_nonce(random);
}

Refusal refusal_of(const ServerFailure& failure) {
  const auto ours = failure.trouble == ServerTrouble::StaleVerifier ||
                    failure.trouble == ServerTrouble::NoCredentials ||
                    failure.trouble == ServerTrouble::NotItself;
  const bool misfit = failure.trouble == ServerTrouble::TlsNotOffered;
  const auto* sqlstate = ours ? "28P01" : misfit ? "08001" : "08006";
  return {failure.sqlstate.empty() ? sqlstate : failure.sqlstate, failure.message, failure.detail,
          failure.hint};
}

}  // namespace

ServerLine::ServerLine(Worker& worker, ServerTerms terms)
    : worker_(worker), tls_terms_(worker.settings().tls_to_server()) {
  terms.tls = tls_terms_ ? tls_terms_->mode : ServerTls::Off;
  terms.nonce = fresh_nonce();
  login_ = std::make_unique<ServerLogin>(std::move(terms));
}

ServerLine::~ServerLine() = default;

Result<void> ServerLine::connect() {
  address_ = worker_.settings().server;
  return dial(worker_.loop(), stream_, *this, address_);
}

void ServerLine::on_connected(int error) {
  if (error != 0)
    return lost(
        Refusal{"08006", Error::from_errno(error, "connect to " + address_.text).message()});
  log_in(login_->start(login_out_));
}

void ServerLine::on_bytes(ByteSpan bytes) {
  if (tls_) return decrypt(bytes);
  said(bytes);
}

void ServerLine::begin_tls() {
  auto line = TlsLine::begin(worker_, stream_, *tls_terms_);
  if (!line) return lost(refusal_of_tls(line.error(), address_));
  tls_ = std::move(*line);
}

void ServerLine::decrypt(ByteSpan bytes) {
  const auto came = tls_->receive(bytes);
  if (!came) return lost(refusal_of_tls(came.error(), address_));
  if (tls_->take_opened()) log_in(login_->begun_tls(tls_->end_point(), login_out_));
  if (!came->empty() && stream_.open()) said(*came);
  if (stream_.open() && tls_->closed()) on_end(0);
}

void ServerLine::said(ByteSpan bytes) {
  if (!login_) return take(bytes);
  log_in(login_->resume(bytes, login_out_));
}

void ServerLine::log_in(ServerStep step) {
  write_copy(login_out_);
  login_out_.clear();
  std::visit(Overloaded{[](const NeedBytes&) {}, [&](const BeginTls&) { begin_tls(); },
                        [&](const DeriveKeys& wanted) {
                          const auto keys = wanted.derive();
                          if (!keys) return lost(Refusal{"08006", keys.error().message()});
                          derived(ScramPass{*keys, wanted.salt, wanted.iterations});
                          log_in(login_->resume_with(*keys, login_out_));
                        },
                        [&](const ServerReady& ready) { logged_in(ready); },
                        [&](const ServerRefused& refused) { lost(refusal_of(refused.failure)); }},
             step);
}

void ServerLine::logged_in(const ServerReady& ready) {
  cancel_key_ = ready.cancel_key;
  const auto left = login_->left();
  const ByteBuffer behind(left.begin(), left.end());
  login_.reset();
  ByteBuffer().swap(login_out_);
  opened(ready, behind);
}

void ServerLine::write(ByteSpan bytes) {
  if (tls_) return tls_->send(bytes);
  worker_.loop().send(stream_, bytes);
}

void ServerLine::write_copy(ByteSpan bytes) {
  if (tls_) return tls_->send(bytes);
  worker_.loop().send_copy(stream_, bytes);
}

void ServerLine::on_flush() {
  if (tls_) tls_->flush();
}

}  // namespace pgkeel::gateway
