// See server.hpp.
#include "gateway/relay/server.hpp"

#include <sys/random.h>

#include <utility>

#include "base/log.hpp"
#include "base/overloaded.hpp"
#include "gateway/relay/client.hpp"
#include "gateway/relay/dial.hpp"
#include "gateway/relay/pool.hpp"
#include "gateway/relay/worker.hpp"
#include "pg/scram/message.hpp"
#include "pg/sql_text.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway {
namespace {

namespace backend = pg::wire::backend;

std::string fresh_nonce() {
  std::array<std::byte, 18> random{};
  CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  return pg::scram_nonce(random);
}

Refusal refusal_of(const ServerFailure& failure) {
  const auto ours = failure.trouble == ServerTrouble::StaleVerifier ||
                    failure.trouble == ServerTrouble::NoCredentials ||
                    failure.trouble == ServerTrouble::NotItself;
  const auto* sqlstate = ours ? "28P01" : "08006";
  return {failure.sqlstate.empty() ? sqlstate : failure.sqlstate, failure.message, failure.detail,
          failure.hint};
}

}  // namespace

Server::Server(Worker& worker, Pool& pool)
    : worker_(worker),
      pool_(pool),
      session_(worker.settings().pool.statements_most),
      since_(worker.now()),
      born_(worker.now()) {
  ServerTerms terms;
  terms.user = pool.key().user;
  terms.database = pool.key().database;
  for (const auto& [name, value] : pool.key().settings) terms.settings.push_back({name, value});
  terms.credentials = pool.credentials();
  terms.nonce = fresh_nonce();
  login_ = std::make_unique<ServerLogin>(std::move(terms));
}

Server::~Server() = default;

Result<void> Server::connect() {
  return dial(worker_.loop(), stream_, *this, worker_.settings().server);
}

void Server::on_connected(int error) {
  if (error != 0) return lost(std::nullopt);
  log_in(login_->start(login_out_));
}

void Server::on_bytes(ByteSpan bytes) {
  if (!login_) return take(bytes);
  log_in(login_->resume(bytes, login_out_));
}

void Server::log_in(ServerStep step) {
  worker_.loop().send_copy(stream_, login_out_);
  login_out_.clear();
  std::visit(Overloaded{[](const NeedBytes&) {},
                        [&](const BeginTls&) { lost(Refusal{"08006", "TLS to the server"}); },
                        [&](const DeriveKeys& wanted) {
                          const auto keys = wanted.derive();
                          if (!keys) return lost(Refusal{"08006", keys.error().message()});
                          pool_.set_credentials(ScramPass{*keys, wanted.salt, wanted.iterations});
                          log_in(login_->resume_with(*keys, login_out_));
                        },
                        [&](const ServerReady& ready) { logged_in(ready); },
                        [&](const ServerRefused& refused) { lost(refusal_of(refused.failure)); }},
             step);
}

void Server::logged_in(const ServerReady& ready) {
  cancel_key_ = ready.cancel_key;
  const auto left = login_->left();
  const ByteBuffer behind(left.begin(), left.end());
  login_.reset();
  ByteBuffer().swap(login_out_);
  if (!behind.empty()) take(behind);
  if (stream_.open()) pool_.opened(*this, ready.parameters);
}

void Server::take(ByteSpan bytes) {
  while (!bytes.empty() && stream_.open()) {
    const auto step = session_.take(bytes, client_, *this);
    if (!step) {
      log_warning("the connection to the server is closed", {{"why", step.error().message()}});
      return lost(Refusal{"08P01", step.error().message()});
    }
    if (*step != ServerSession::Step::Done) count();
    if (*step == ServerSession::Step::Free) free();
  }
  if (last_words_ && client_ == nullptr && stream_.open()) return close();
  if (client_ != nullptr && !session_.exchange().full()) client_->go_on();
}

// A round is as fine as the clock of statistics is.
void Server::count() {
  if (client_ == nullptr || preparing_) return;
  const auto now = worker_.now();
  auto& counters = pool_.counters();
  ++counters.queries;
  counters.query_us += microseconds_of(now - std::exchange(asked_at_, now));
  if (!session_.exchange().idle()) return;
  ++counters.transactions;
  counters.transaction_us += microseconds_of(now - std::exchange(attached_at_, now));
}

void Server::asked(SteadyTime now) {
  said_ = true;
  if (session_.exchange().quiet()) asked_at_ = now;
  if (session_.exchange().idle()) attached_at_ = now;
}

void Server::attach(Client& client) {
  client_ = &client;
  said_ = false;
  if (application_ == client.application()) return;
  const auto value = pg::quote_literal(client.application());
  if (!value) return;  // no text a server could have sent or taken
  application_ = client.application();
  preparing_ = true;
  ask("SET application_name = " + *value);
}

void Server::free() {
  const bool failed = session_.take_own_failure();
  if (std::exchange(preparing_, false)) {
    if (failed) return close();
    return client_->go_on();
  }
  if (cancels > 0) return;  // one may still hit whoever comes next
  if (client_ != nullptr) {
    client_->session().state().transaction_over();
    if (client_->session().keeps_server()) return;
    let_go();
  } else if (std::exchange(resetting_, false) && failed) {
    return close();
  }
  if (session_.unsound()) return close();
  worker_.loop().resume_reading(stream_);
  pool_.put_back(*this);
}

// Whichever of the two was not read because of the other is read again.
void Server::let_go() {
  auto* client = std::exchange(client_, nullptr);
  client->detached();
  if (!client->holds()) worker_.loop().resume_reading(client->stream());
  else worker_.go_on_soon(*client);
}

void Server::maybe_free() {
  if (client_ != nullptr && !preparing_ && session_.exchange().idle() && !session_.mid_message() &&
      !client_->session().keeps_server())
    free();
}

// A CancelRequest that nobody has read may be read later, when another has the server.
void Server::cancelled(Cancel how) {
  --cancels;
  if (how == Cancel::Lost && stream_.open()) return close();
  if (cancels == 0 && session_.exchange().idle() && !session_.mid_message()) free();
}

// What was not heard to its end cannot be taken back, and nothing else can be said behind it.
void Server::abandoned(const ClientSession& by) {
  client_ = nullptr;
  preparing_ = false;
  worker_.loop().resume_reading(stream_);
  if (by.mid_message() || session_.mid_message() || !session_.exchange().quiet()) {
    worker_.cancel_at_end(*this);
    return close();
  }
  reset(by.keeps_server() ? Reset::Session : Reset::Transaction);
}

void Server::reset(Reset what) {
  resetting_ = true;
  if (!session_.exchange().idle()) ask("ROLLBACK");
  if (what == Reset::Session) {
    application_.clear();
    ask("DISCARD ALL");
    session_.statements().clear();
  }
  if (session_.exchange().idle()) free();
}

void Server::ask(std::string_view sql) {
  ByteBuffer out;
  append(out, pg::wire::frontend::Query{sql});
  session_.exchange().request({Request::Query, Answer::Gateways});
  session_.set_unnamed(0);
  send_copy(out);
}

void Server::send(ByteSpan bytes) { worker_.loop().send(stream_, bytes); }
void Server::send_copy(ByteSpan bytes) { worker_.loop().send_copy(stream_, bytes); }

void Server::on_message(const pg::wire::Message& message, Answer whose) {
  if (message.type == backend::kErrorResponse) {
    const auto fields = pg::wire::ErrorFields::decode(message.body);
    if (!fields || !fields->ends_session()) return;
    told_ = client_ != nullptr && whose == Answer::Clients;
    last_words_ = Refusal{std::string(fields->sqlstate()), std::string(fields->message()),
                          std::string(fields->find(pg::wire::error_field::kDetail)),
                          std::string(fields->find(pg::wire::error_field::kHint))};
  } else if (message.type == backend::CommandComplete::kType) {
    const auto done = backend::CommandComplete::decode(message.body);
    if (!done || (done->tag != "DEALLOCATE ALL" && done->tag != "DISCARD ALL")) return;
    if (done->tag == "DISCARD ALL") application_.clear();
    session_.all_deallocated();
    if (client_ != nullptr) client_->session().all_deallocated(session_.exchange());
  }
}

void Server::on_failed() {
  if (client_ != nullptr) client_->session().state().failed();
}

void Server::on_unprepared(const std::string& name, const StatementRef& statement) {
  if (client_ != nullptr) client_->session().unprepared(name, statement);
}
void Server::on_unclosed(const std::string& name, const StatementRef& statement) {
  if (client_ != nullptr) client_->session().unclosed(name, statement);
}

void Server::on_blocked() {
  if (client_ != nullptr && stream_.backlog() > kBacklogMost)
    worker_.loop().stop_reading(client_->stream());
}

void Server::on_drained() {
  if (client_ != nullptr && !client_->holds()) worker_.loop().resume_reading(client_->stream());
}

void Server::on_hangup() { worker_.loop().resume_reading(stream_); }

void Server::on_end(int) {
  if (!login_ && last_words_) return lost(last_words_);
  lost(std::nullopt);
}

void Server::close() { lost(std::nullopt); }

void Server::lost(const std::optional<Refusal>& why) {
  worker_.loop().close(stream_);
  worker_.forget(*this);
  auto* client = std::exchange(client_, nullptr);
  pool_.lost(*this, why);
  if (client == nullptr) return;
  if (told_) return client->server_lost(std::nullopt);
  if (preparing_ || !said_) return client->again();
  client->server_lost(Refusal{"08006", "the server closed the connection unexpectedly"});
}

}  // namespace pgkeel::gateway
