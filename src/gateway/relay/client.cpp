// See client.hpp.
#include "gateway/relay/client.hpp"

#include <sys/random.h>

#include <utility>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/overloaded.hpp"
#include "gateway/relay/overview.hpp"
#include "gateway/relay/pool.hpp"
#include "gateway/relay/server.hpp"
#include "gateway/relay/worker.hpp"
#include "gateway/session/greeting.hpp"
#include "pg/scram/message.hpp"

namespace pgkeel::gateway {
namespace {

// Of a client that has been told its last and does not take it.
constexpr Millis kPartingMost{10'000};

ProofChallenge fresh_challenge() {
  std::array<std::byte, 18> random{};
  ProofChallenge challenge;
  CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  challenge.nonce = pg::scram_nonce(random);
  CHECK(::getrandom(challenge.md5_salt.data(), challenge.md5_salt.size(), 0) ==
        static_cast<ssize_t>(challenge.md5_salt.size()));
  return challenge;
}

// As pg_clean_ascii() of the server makes it, so that no encoding makes another text of it.
std::string shown_name(std::string_view name) {
  std::string shown(name.substr(0, kNameBytesMost));
  for (auto& byte : shown)
    if (byte < ' ' || byte > '~') byte = '?';
  return shown;
}

ByteBuffer copy_of(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

Refusal refusal_of(const Error& error) {
  const bool bound = error.code == ErrorCode::Refused;
  return {bound ? "54000" : "08P01", error.message(), "", std::string(error.hint())};
}

}  // namespace

/// Who it says it is, until it has begun.
struct Client::Identity {
  Credentials credentials;
  std::optional<ClientProven> proven;
  std::shared_ptr<const TlsContext> tls;  ///< another may be set while it shakes hands
};

Client::Client(Worker& worker, Sharing sharing, Channel channel)
    : worker_(worker),
      channel_(channel),
      session_(sharing, worker.statements()),
      login_(std::make_unique<ClientLogin>(worker.settings().terms, fresh_challenge())),
      deadline_(worker.now() + worker.settings().login_most),
      identity_(std::make_unique<Identity>()),
      self_(std::make_shared<Client*>(this)) {}

Client::~Client() { *self_ = nullptr; }

void Client::on_bytes(ByteSpan bytes) {
  if (leaving_) return;
  if (tls_) return decrypt(bytes);
  said(bytes);
}

void Client::said(ByteSpan bytes) {
  if (pool_ != nullptr) pool_->counters().received_bytes += static_cast<std::int64_t>(bytes.size());
  if (!login_) return feed(bytes);
  ByteBuffer out;
  auto step = login_->resume(bytes, out);
  log_in(std::move(step), out, bytes);
}

void Client::begin_tls(TlsOpening opening, ByteSpan bytes) {
  worker_.loop().flush();  // what asked for it is answered in clear
  const auto& context = identity_->tls = worker_.settings().tls;
  auto channel =
      context ? TlsChannel::accept(*context, opening) : fail(ErrorCode::NotSupported, "");
  if (!channel) return leave();
  tls_ = std::make_unique<TlsChannel>(std::move(*channel));
  if (opening == TlsOpening::Direct) decrypt(bytes);
}

void Client::decrypt(ByteSpan bytes) {
  const auto room = worker_.plain_room();
  ByteBuffer answer;
  std::size_t size = 0;
  auto got = tls_->receive(bytes, room, answer);
  for (; got && !got->empty(); got = tls_->receive(bytes, room.subspan(size), answer))
    size += got->size();
  worker_.loop().send_copy(stream_, answer);
  if (!got) {
    worker_.loop().flush();
    return leave();
  }
  const bool shaken = tls_->state() != TlsChannel::State::Handshaking;
  if (shaken && !tls_begun_) {
    tls_begun_ = true;
    login_->begun_tls(identity_->tls->end_point());
  }
  const bool closed = tls_->state() == TlsChannel::State::Closed;
  if (size > 0) said(worker_.loop().hold_until_flush(copy_of(room.first(size))));
  if (closed && stream_.open()) leave();
}

void Client::log_in(ClientStep step, ByteBuffer& out, ByteSpan bytes) {
  send_copy(out);
  out.clear();
  std::visit(Overloaded{[](const NeedBytes&) {},
                        [&](const BeginTls& begin) { begin_tls(begin.opening, bytes); },
                        [&](const CancelAsked& asked) {
                          worker_.loop().stop_reading(stream_);
                          worker_.cancel(asked, *this);
                        },
                        [&](const FindVerifier& wanted) { find_verifier(wanted); },
                        [&](const ClientProven& who) { proven(who); },
                        [&](const ClientRefused& refused) {
                          log_debug("a client was refused", {{"why", refused.refusal.message}});
                          worker_.loop().flush();
                          worker_.gone(*this);
                        }},
             step);
}

void Client::find_verifier(const FindVerifier& wanted) {
  worker_.loop().stop_reading(stream_);
  worker_.verifiers().find(std::string(wanted.user), std::string(wanted.database),
                           [self = self_](VerifierSource::Answer answer) {
                             if (*self != nullptr) (*self)->found(std::move(answer));
                           });
}

void Client::found(VerifierSource::Answer answer) {
  if (!stream_.open() || leaving_) return;
  worker_.loop().resume_reading(stream_);
  if (!answer) return refuse({"57P03", answer.error().message()});
  ByteBuffer out;
  auto& credentials = *answer;
  if (!credentials) return log_in(login_->resume_without(out), out);
  identity_->credentials = *credentials;
  log_in(login_->resume_with(std::move(credentials->verifier), out), out);
}

void Client::proven(const ClientProven& proven) {
  identity_->proven = proven;
  const auto& request = proven.request;
  if (request.replication != Replication::None)
    return refuse({"0A000", "replication connections are not passed on by the gateway", "",
                   "Connect to the server itself."});
  if (is_console(request.database)) return open_console();
  pool_ = &worker_.pool_of(pool_key_of(request));
  application_ = asked_application_ = shown_name(request.application_name());
  ++pool_->clients;
  auto server = identity_->credentials.server;
  if (const auto* verifier = std::get_if<pg::ScramVerifier>(&identity_->credentials.verifier);
      verifier != nullptr && proven.keys && std::holds_alternative<NoCredentials>(server))
    server = ScramPass{*proven.keys, verifier->salt, verifier->iterations};
  pool_->set_credentials(std::move(server));
  const auto left = login_->left();
  held_.assign(left.begin(), left.end());
  if (pool_->parameters()) return greet(pool_->parameters());
  wait_for_server();
}

// Who may see and end others' sessions is who the guard itself is at the server.
void Client::open_console() {
  const auto who = std::move(*identity_->proven);
  if (who.request.user != worker_.settings().admin_user)
    return refuse({"42501", "not allowed to open the admin console", "",
                   "Log in as " + worker_.settings().admin_user + "."});
  console_ = std::make_unique<admin::Console>(worker_.overview());
  ByteBuffer out;
  append_greeting(out,
                  {{"server_version", worker_.settings().version + "/pgkeel"},
                   {"client_encoding", "UTF8"},
                   {"server_encoding", "UTF8"},
                   {"DateStyle", "ISO"},
                   {"TimeZone", "GMT"},
                   {"standard_conforming_strings", "on"},
                   {"integer_datetimes", "on"},
                   {"is_superuser", "on"}},
                  {0, std::string(4, '\0')});
  const auto left = login_->left();
  const auto said = worker_.loop().hold_until_flush({left.begin(), left.end()});
  login_.reset();
  identity_.reset();
  send_copy(out);
  worker_.loop().resume_reading(stream_);
  if (!said.empty()) feed(said);
}

void Client::greet(const ReportedParameters& parameters) {
  waiting_ = false;
  const auto who = std::move(*identity_->proven);
  auto told = *parameters;
  for (auto& one : told)
    if (one.name == kApplicationName) one.value = application_;
  heard(parameters);
  key_ = worker_.new_key(*this, who.version);
  ByteBuffer out;
  append_greeting(out, told, {key_.process_id, key_.key});
  login_.reset();
  identity_.reset();
  send_copy(out);
  const auto said = worker_.loop().hold_until_flush(std::exchange(held_, {}));
  worker_.loop().resume_reading(stream_);
  if (!said.empty()) feed(said);
}

void Client::tell(const ReportedParameters& now) {
  if (told_ == now) return;
  ByteBuffer out;
  append_changes(out, *told_, *now);
  send_copy(out);
  heard(now);
}

void Client::heard(const ReportedParameters& now) {
  told_ = now;
  session_.state().set_rules(lexical_rules_of(*now));
}

void Client::set_application(std::optional<std::string> name) {
  application_ = name ? std::move(*name) : asked_application_;
}

void Client::send(ByteSpan bytes) {
  if (pool_ != nullptr) pool_->counters().sent_bytes += static_cast<std::int64_t>(bytes.size());
  if (!tls_) return worker_.loop().send(stream_, bytes);
  pg::wire::put_bytes(plain_, bytes);
  worker_.loop().touch(stream_);
}

void Client::send_copy(ByteSpan bytes) {
  if (tls_) return send(bytes);
  worker_.loop().send_copy(stream_, bytes);
}

// All of a round in one go: a record for each row would cost more than what is in it.
void Client::on_flush() {
  if (plain_.empty()) return;
  if (tls_->state() != TlsChannel::State::Open) return plain_.clear();  // it listens no more
  ByteBuffer out;
  const auto sent = tls_->send(std::exchange(plain_, {}), out);
  if (sent)  // else it is found out when the client is read
    worker_.loop().send(stream_, worker_.loop().hold_until_flush(std::move(out)));
}

void Client::feed(ByteSpan bytes) {
  if (console_) {
    ByteBuffer out;
    const auto step = console_->take(bytes, out);
    send_copy(out);
    if (!step) return refuse(refusal_of(step.error()));
    if (*step == admin::Console::Step::Left) leave();
    return;
  }
  for (;;) {
    auto* serving = server_ != nullptr && !server_->preparing() ? server_ : nullptr;
    if (serving != nullptr) serving->asked(worker_.now());
    const auto step = session_.take(
        bytes, serving != nullptr ? &serving->session() : nullptr,
        serving != nullptr ? static_cast<Outlet&>(*serving) : worker_.nowhere(), *this);
    if (!step) return refuse(refusal_of(step.error()));
    switch (*step) {
      case ClientSession::Step::Done:
        if (server_ != nullptr) server_->maybe_free();
        return;
      case ClientSession::Step::Left: return leave();
      case ClientSession::Step::Full: return hold(bytes);
      case ClientSession::Step::NeedsServer:
        if (server_ == nullptr) server_ = pool_->take(*this);
        if (server_ != nullptr && !server_->preparing()) break;
        hold(bytes);
        if (server_ == nullptr) wait_for_server();
        return;
    }
  }
}

void Client::hold(ByteSpan bytes) {
  pg::wire::put_bytes(held_, bytes);
  worker_.loop().stop_reading(stream_);
}

void Client::wait_for_server() {
  if (stream_.hung_up()) return leave();  // as on_hangup(), which has come already
  waiting_ = true;
  worker_.loop().stop_reading(stream_);
  waits_since_ = worker_.now();
  deadline_ = waits_since_ + worker_.settings().pool.wait_most;
  pool_->enqueue(*this);
}

void Client::attached(Server& server) {
  waiting_ = false;
  pool_->counters().wait_us += microseconds_of(worker_.now() - waits_since_);
  server_ = &server;
  go_on();
}

void Client::go_on() {
  if (held_.empty() || waiting_ || (server_ != nullptr && server_->preparing())) return;
  const auto said = worker_.loop().hold_until_flush(std::exchange(held_, {}));
  worker_.loop().resume_reading(stream_);
  feed(said);
}

void Client::cancelled() {
  if (!session_.drop_request(held_)) return;
  ByteBuffer out;
  append(out, pg::wire::ErrorReport{.sqlstate = "57014",
                                    .message = "canceling statement due to user request"});
  append(out, pg::wire::backend::ReadyForQuery{});
  send_copy(out);
  if (!held_.empty()) return;
  if (std::exchange(waiting_, false)) pool_->leave_queue(*this);
  worker_.loop().resume_reading(stream_);
}

void Client::end() {
  if (!stream_.open() || leaving_) return;
  if (std::exchange(waiting_, false)) pool_->leave_queue(*this);
  if (login_) return leave();
  refuse({"57P01", "terminating connection due to administrator command"});
}

void Client::again() {
  server_ = nullptr;
  if (held_.empty()) return worker_.loop().resume_reading(stream_);
  wait_for_server();
}

void Client::server_lost(const std::optional<Refusal>& why) {
  server_ = nullptr;
  if (why) return refuse(*why);
  part();
}

void Client::refuse(const Refusal& why) {
  if (!stream_.open() || leaving_) return;
  if (waiting_) waiting_ = false;
  ByteBuffer out;
  append(out, why);
  send_copy(out);
  part();
}

// What it has not taken goes out first. What it says meanwhile is read and dropped: closed over
// bytes that were not read, a connection is reset, and its peer loses what it had not read either.
void Client::part() {
  worker_.loop().flush();
  if (!stream_.open()) return;
  if (stream_.backlog() == 0) return leave();
  if (auto* server = std::exchange(server_, nullptr); server != nullptr)
    server->abandoned(session_);
  ByteBuffer().swap(held_);
  leaving_ = true;
  deadline_ = worker_.now() + kPartingMost;
  worker_.wake_at(deadline_);
  worker_.loop().resume_reading(stream_);
}

void Client::passed_deadline() {
  if (leaving_) return leave();
  if (waiting_) {
    pool_->leave_queue(*this);
    if (const auto& failure = pool_->last_failure())
      return refuse({failure->sqlstate,
                     "the server could not be reached in time: " + failure->message,
                     failure->detail, failure->hint});
    return refuse({"53300", "no connection to the server was free in time", "",
                   "Raise gateway.size if the server can take more, or look for transactions that "
                   "stay open: pgkeel status."});
  }
  log_debug("a client did not log in in time");
  leave();
}

void Client::on_end(int) { leave(); }

// What it said and no server was given dies with it. A client that is not read because its server
// does not take more has it taken first.
void Client::on_hangup() {
  if (holds()) leave();
}

void Client::on_blocked() {
  if (server_ != nullptr && stream_.backlog() > kBacklogMost)
    worker_.loop().stop_reading(server_->stream());
}

void Client::on_drained() {
  if (leaving_) return leave();
  if (server_ != nullptr) worker_.loop().resume_reading(server_->stream());
}

void Client::leave() {
  if (!stream_.open()) return;
  if (waiting_) pool_->leave_queue(*this);
  waiting_ = false;
  if (auto* server = std::exchange(server_, nullptr); server != nullptr)
    server->abandoned(session_);
  worker_.gone(*this);
}

}  // namespace pgkeel::gateway
