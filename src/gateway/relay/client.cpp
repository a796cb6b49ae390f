// See client.hpp.
#include "gateway/relay/client.hpp"

#include <sys/random.h>

#include <utility>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/overloaded.hpp"
#include "gateway/relay/overview.hpp"
#include "gateway/relay/pool.hpp"
#include "gateway/relay/replication_line.hpp"
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

// Needs no proof, and gets no key from one: what else is known of the user has to open the server.
Credentials believed(const VerifierSource::Answer& known) {
  Credentials credentials{Trusted{}};
  if (known && *known) credentials.server = (*known)->server;
  return credentials;
}

// No TLS over a Unix socket, as at the server, whatever TCP asks for.
ClientTerms terms_at(Client::Channel channel, const Settings& settings) {
  auto terms = settings.terms;
  if (channel == Client::Channel::UnixSocket) terms.tls = ClientTls::Off;
  return terms;
}

}  // namespace

/// Who it says it is, until it has begun.
struct Client::Identity {
  Credentials credentials;
  std::optional<ClientProven> proven;
  std::shared_ptr<const TlsContext> tls;  ///< another may be set while it shakes hands
  std::string address;                    ///< of the door
  enum class Place : std::uint8_t { AtDoor, Aside, Inside };
  Place place = Place::AtDoor;
  bool asked_for = false;  ///< what it has to prove is not known yet
  ByteBuffer late_answer;  ///< to a wrong password
};

Client::Client(Worker& worker, Sharing sharing, Channel channel, std::string address)
    : worker_(worker),
      channel_(channel),
      session_(sharing, worker.statements()),
      login_(
          std::make_unique<ClientLogin>(terms_at(channel, worker.settings()), fresh_challenge())),
      deadline_(worker.now() + worker.settings().login_most),
      identity_(std::make_unique<Identity>()),
      self_(std::make_shared<Client*>(this)) {
  identity_->address = std::move(address);
}

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
  if (waits_for_answer(step, out)) return;
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

// Who has guessed often is not told at once, and does not get its place at the door back by going
// earlier: nothing of it is read until then.
bool Client::waits_for_answer(const ClientStep& step, ByteBuffer& out) {
  const auto* refused = std::get_if<ClientRefused>(&step);
  if (refused == nullptr || refused->refusal.sqlstate != sqlstate::kInvalidPassword) return false;
  const auto wait = worker_.door().failed(identity_->address, worker_.now());
  if (wait == Seconds(0)) return false;
  identity_->late_answer = std::move(out);
  worker_.loop().stop_reading(stream_);
  deadline_ = worker_.now() + wait;
  worker_.wake_at(deadline_);
  return true;
}

void Client::answer_late() {
  send_copy(identity_->late_answer);
  worker_.loop().flush();
  worker_.gone(*this);
}

void Client::pass_door() {
  if (!identity_ || identity_->place == Identity::Place::Inside) return;
  return_to_door();
  worker_.door().passed(identity_->address);
  identity_->place = Identity::Place::Inside;
}

void Client::return_to_door() {
  if (identity_->place != Identity::Place::Aside) return;
  worker_.door().returned(identity_->address);
  identity_->place = Identity::Place::AtDoor;
}

// It waits for us, and not we for it: while the server is away a whole fleet may, of one address,
// for as long as the source has patience.
void Client::find_verifier(const FindVerifier& wanted) {
  const auto& settings = worker_.settings();
  worker_.loop().stop_reading(stream_);
  identity_->asked_for = true;
  if (worker_.door().stepped_aside(identity_->address, settings.door))
    identity_->place = Identity::Place::Aside;
  deadline_ = worker_.now() + settings.pool.wait_most + settings.login_most;
  worker_.verifiers().find(std::string(wanted.user), std::string(wanted.database),
                           [self = self_](VerifierSource::Answer answer) {
                             if (*self != nullptr) (*self)->found(std::move(answer));
                           });
}

void Client::found(VerifierSource::Answer answer) {
  if (!stream_.open() || leaving_) return;
  worker_.loop().resume_reading(stream_);
  identity_->asked_for = false;
  return_to_door();
  deadline_ = worker_.now() + worker_.settings().login_most;
  if (channel_ == Channel::UnixSocket && worker_.settings().socket_peers == SocketPeers::Trusted)
    answer = believed(answer);
  if (!answer) return refuse({"57P03", answer.error().message()});
  ByteBuffer out;
  auto& credentials = *answer;
  if (!credentials) return log_in(login_->resume_without(out), out);
  identity_->credentials = *credentials;
  log_in(login_->resume_with(std::move(credentials->verifier), out), out);
}

void Client::proven(const ClientProven& proven) {
  identity_->proven = proven;
  worker_.door().succeeded(identity_->address);
  pass_door();
  const auto& request = proven.request;
  if (request.replication != Replication::None) return replicate();
  if (is_console(request.database)) return open_console();
  pool_ = &worker_.pool_of(pool_key_of(request));
  application_ = asked_application_ = shown_name(request.application_name());
  ++pool_->clients;
  auto server = server_credentials();
  // Who is believed may know nothing, and takes nothing from those who do.
  if (!std::holds_alternative<NoCredentials>(server)) pool_->set_credentials(std::move(server));
  const auto left = login_->left();
  held_.assign(left.begin(), left.end());
  if (pool_->parameters()) return greet(pool_->parameters());
  wait_for_server();
}

// What its proof yielded, or what is known of it besides.
ServerCredentials Client::server_credentials() {
  auto& known = identity_->credentials;
  const auto& keys = identity_->proven->keys;
  const auto* verifier = std::get_if<pg::ScramVerifier>(&known.verifier);
  if (verifier != nullptr && keys && std::holds_alternative<NoCredentials>(known.server))
    return ScramPass{*keys, verifier->salt, verifier->iterations};
  return std::move(known.server);
}

void Client::replicate() {
  if (worker_.replications() >= worker_.settings().replications_most)
    return refuse({"53300", "too many replication connections", "",
                   "Each takes one of the server's max_wal_senders."});
  const auto& request = identity_->proven->request;
  application_ = asked_application_ = shown_name(request.application_name());
  const auto left = login_->left();
  held_.assign(left.begin(), left.end());
  worker_.loop().stop_reading(stream_);
  deadline_ = worker_.now() + worker_.settings().connect_most;
  worker_.wake_at(deadline_);
  replication_ = std::make_unique<ReplicationLine>(worker_, *this, request, server_credentials());
  if (stream_.hung_up()) return leave();  // as on_hangup(), which has come already
  if (const auto begun = replication_->connect(); !begun)
    refuse({"08006", begun.error().message()});
}

void Client::forget() {
  *self_ = nullptr;
  if (replication_) replication_->close();
}

// Who may see and end others' sessions is who the guard itself is at the server.
void Client::open_console() {
  const auto who = std::move(*identity_->proven);
  if (who.request.user != worker_.settings().admin_user)
    return refuse({"42501", "not allowed to open the admin console", "",
                   "Log in as " + worker_.settings().admin_user + "."});
  console_ =
      std::make_unique<admin::Console>(worker_.overview(), [self = self_](const Result<void>& how) {
        if (*self != nullptr) (*self)->acted(how);
      });
  key_ = worker_.new_key(*this, who.version);
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
                  {key_.process_id, key_.key});
  const auto left = login_->left();
  const auto said = worker_.loop().hold_until_flush({left.begin(), left.end()});
  login_.reset();
  identity_.reset();
  send_copy(out);
  worker_.loop().resume_reading(stream_);
  if (!said.empty()) feed(said);
}

void Client::greet(const ReportedParameters& parameters) {
  waited();
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
  if (replication_) return replication_->write(bytes);
  if (console_) {
    ByteBuffer out;
    const auto step = console_->take(bytes, out);
    return answered(step, out);
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
        if (server_ == nullptr && (server_ = pool_->take(*this)) != nullptr)
          worker_.timings().waited({});
        if (server_ != nullptr && !server_->preparing()) break;
        hold(bytes);
        if (server_ == nullptr) wait_for_server();
        return;
    }
  }
}

void Client::answered(const Result<admin::Console::Step>& step, ByteSpan out) {
  send_copy(out);
  if (!step) return refuse(refusal_of(step.error()));
  if (*step == admin::Console::Step::Left) leave();
}

void Client::acted(const Result<void>& how) {
  if (!console_ || !console_->acting()) return;
  ByteBuffer out;
  const auto step = console_->acted(how, out);
  answered(step, out);
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

// Whether it has got what it waited for, or has gone.
void Client::waited() {
  if (std::exchange(waiting_, false)) worker_.timings().waited(worker_.now() - waits_since_);
}

void Client::attached(Server& server) {
  waited();
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
  if (console_ && console_->acting()) return acted(fail(admin::pause_taken_back()));
  if (!session_.drop_request(held_)) return;
  ByteBuffer out;
  append(out, pg::wire::ErrorReport{.sqlstate = "57014",
                                    .message = "canceling statement due to user request"});
  append(out, pg::wire::backend::ReadyForQuery{});
  send_copy(out);
  if (!held_.empty()) return;
  if (waiting_) pool_->leave_queue(*this);
  waited();
  worker_.loop().resume_reading(stream_);
}

void Client::end() {
  if (!stream_.open() || leaving_) return;
  if (waiting_) pool_->leave_queue(*this);
  waited();
  if (login_) return leave();
  if (replication_) return part();  // nothing of ours may come between what the server has said
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
  waited();
  if (server_ != nullptr && server_->session().mid_answer()) return part();
  ByteBuffer out;
  append(out, why);
  send_copy(out);
  part();
}

// What it has not taken goes out first. What it says meanwhile is read and dropped: closed over
// bytes that were not read, a connection is reset, and its peer loses what it had not read either.
void Client::part() {
  console_.reset();
  worker_.loop().flush();
  if (!stream_.open()) return;
  if (stream_.backlog() == 0) return leave();
  if (auto* server = std::exchange(server_, nullptr); server != nullptr)
    server->abandoned(session_);
  if (replication_) replication_->close();
  ByteBuffer().swap(held_);
  leaving_ = true;
  deadline_ = worker_.now() + kPartingMost;
  worker_.wake_at(deadline_);
  worker_.loop().resume_reading(stream_);
}

void Client::passed_deadline() {
  if (leaving_) return leave();
  if (identity_ && !identity_->late_answer.empty()) return answer_late();
  if (waiting_) {
    pool_->leave_queue(*this);
    if (pool_->paused())
      return refuse({"57P03", "the database is paused at the gateway", "",
                     "RESUME on the gateway's admin console lets it go on."});
    if (const auto& failure = pool_->last_failure())
      return refuse({failure->sqlstate,
                     "the server could not be reached in time: " + failure->message,
                     failure->detail, failure->hint});
    return refuse({"53300", "no connection to the server was free in time", "",
                   "Raise gateway.size if the server can take more, or look for transactions that "
                   "stay open: pgkeel status."});
  }
  if (replication_) return refuse({"08006", "the server did not answer in time"});
  log_debug("a client did not log in in time");
  leave();
}

void Client::on_end(int) { leave(); }

// What it said and no server was given dies with it. A client that is not read because its server
// does not take more has it taken first.
void Client::on_hangup() {
  if (holds() || (replication_ && login_) || (identity_ && identity_->asked_for)) leave();
}

void Client::on_blocked() {
  if (server_ != nullptr && stream_.backlog() > kBacklogMost)
    worker_.loop().stop_reading(server_->stream());
  if (replication_ && stream_.backlog() > kBacklogMost)
    worker_.loop().stop_reading(replication_->stream());
}

void Client::on_drained() {
  if (leaving_) return leave();
  if (server_ != nullptr) worker_.loop().resume_reading(server_->stream());
  if (replication_) worker_.loop().resume_reading(replication_->stream());
}

void Client::leave() {
  if (!stream_.open()) return;
  if (waiting_) pool_->leave_queue(*this);
  waited();
  console_.reset();  // what is under way of it is taken back
  if (auto* server = std::exchange(server_, nullptr); server != nullptr)
    server->abandoned(session_);
  worker_.gone(*this);
}

}  // namespace pgkeel::gateway
