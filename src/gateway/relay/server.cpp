// See server.hpp.
#include "gateway/relay/server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/log.hpp"
#include "gateway/relay/client.hpp"
#include "gateway/relay/pool.hpp"
#include "gateway/relay/worker.hpp"
#include "gateway/session/settings_sql.hpp"
#include "pg/sql_text.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway {
namespace {

namespace backend = pg::wire::backend;

// "cached plan must not change result type", in whatever language.
constexpr std::string_view kResultChanged = "0A000";
constexpr std::string_view kChecksResult = "RevalidateCachedQuery";

ServerTerms terms_of(const Pool& pool) {
  ServerTerms terms;
  terms.user = pool.key().user;
  terms.database = pool.key().database;
  for (const auto& [name, value] : pool.key().settings) terms.settings.push_back({name, value});
  terms.credentials = pool.credentials();
  return terms;
}

}  // namespace

Server::Server(Worker& worker, Pool& pool)
    : ServerLine(worker, terms_of(pool)),
      pool_(pool),
      session_(worker.settings().pool.statements_most),
      since_(worker.now()),
      born_(worker.now()) {}

Server::~Server() = default;

void Server::derived(ScramPass pass) { pool_.set_credentials(std::move(pass)); }

void Server::opened(const ServerReady& ready, ByteSpan behind) {
  reported_ = shared(std::make_shared<Parameters>(ready.parameters), pool_.parameters());
  if (!behind.empty()) take(behind);
  if (stream_.open()) pool_.opened(*this);
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
  if (client_ == nullptr || preparing()) return;
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
  worker_.timings().passes_on();
  if (session_.exchange().quiet()) asked_at_ = now;
  if (session_.exchange().idle()) attached_at_ = now;
}

void Server::attach(Client& client) {
  client_ = &client;
  said_ = false;
  if (application_ != client.application() || settings_ != client.settings()) set_for(client);
  else client.tell(reported_);
}

// In one text, which is one transaction.
void Server::set_for(const Client& client) {
  std::string sql;
  const auto name = pg::quote_literal(client.application());
  if (name && application_ != client.application()) {  // else no text a server could have sent
    application_ = client.application();
    sql = "SET application_name = " + *name;
  }
  const auto& wanted = client.settings();
  const auto* encoding = wanted.find("client_encoding");
  const auto change =
      settings_difference(settings_, wanted,
                          encoding != nullptr ? std::string_view(*encoding)
                                              : value_of(*pool_.parameters(), "client_encoding"));
  was_clean_ = settings_.empty();
  own_error_.reset();
  settings_ = wanted;
  if (!change.empty()) sql += (sql.empty() ? "" : ";") + change;
  if (sql.empty()) return;
  own_ = Own::Sets;
  ask(sql);
}

// What another server had of settings may be in the way: a new one is tried. One that had none says
// why they cannot be had any more.
void Server::was_set(bool failed) {
  if (!failed) {
    client_->tell(reported_);
    client_->go_on();
    return maybe_free();
  }
  if (!was_clean_ || !own_error_) {
    own_ = Own::Sets;  // nothing was asked of it
    return close();
  }
  auto* client = std::exchange(client_, nullptr);
  client->detached();
  client->refuse({own_error_->sqlstate,
                  "the session's settings cannot be set again: " + own_error_->message,
                  own_error_->detail, own_error_->hint});
  reset(Reset::Session);
}

void Server::free() {
  const bool failed = session_.take_own_failure();
  switch (std::exchange(own_, Own::Nothing)) {
    case Own::Sets: return was_set(failed);
    case Own::ReadsSettings:
      if (!settings_read(failed)) return client_->go_on();
      break;
    case Own::Resets:
      if (failed) return close();
      break;
    case Own::Nothing: break;
  }
  if (cancels == 0) release();  // else one may still hit whoever comes next
}

void Server::release() {
  if (client_ != nullptr) {
    auto& session = client_->session();
    session.state().transaction_over();
    if (session.settings_unread()) return read_settings();
    if (session.keeps_server()) return;
    let_go();
  }
  if (session_.unsound()) return close();
  worker_.loop().resume_reading(stream_);
  pool_.put_back(*this);
}

// A round trip that nobody waits for, unless its client says something at once.
void Server::read_settings() {
  auto& session = client_->session();
  const auto* only = session.state().only_set();
  const auto& made_up = session.state().placeholders();
  const std::vector<std::string_view> placeholders(made_up.begin(), made_up.end());
  own_ = Own::ReadsSettings;
  answer_ = {};
  ask(only != nullptr ? named_settings_query(*only)
                      : settings_query(session.settings(), placeholders));
}

// False: they cannot be carried, and the client keeps this server.
bool Server::settings_read(bool failed) {
  auto& session = client_->session();
  client_->tell(reported_);
  const bool all = session.state().only_set() == nullptr;
  auto read = std::exchange(answer_, {})
                  .finish(worker_.settings_table(), all ? SettingsSet() : session.settings());
  if (failed || !read) {
    session.state().cannot_tell();
    return false;
  }
  settings_ = read->settings;
  session.set_settings(std::move(read->settings));
  if (all || read->application) {
    application_ = read->application.value_or("");
    client_->set_application(std::move(read->application));
  }
  session.state().settings_read();
  return true;
}

// Whichever of the two was not read because of the other is read again.
void Server::let_go() {
  auto* client = std::exchange(client_, nullptr);
  client->detached();
  if (!client->holds()) worker_.loop().resume_reading(client->stream());
  else worker_.go_on_soon(*client);
}

void Server::maybe_free() {
  if (client_ == nullptr || preparing() || !session_.exchange().idle() || session_.mid_message())
    return;
  const auto& session = client_->session();
  if (!session.keeps_server() || session.settings_unread()) free();
}

// A CancelRequest that nobody has read may be read later, when another has the server.
void Server::cancelled(Cancel how) {
  --cancels;
  if (how == Cancel::Lost && stream_.open()) return close();
  if (cancels == 0 && session_.exchange().idle() && !session_.mid_message()) free();
}

// What was not heard to its end cannot be taken back, and nothing else can be said behind it. But
// what was asked by us is no client's.
void Server::abandoned(const ClientSession& by) {
  const bool ours = preparing();
  client_ = nullptr;
  worker_.loop().resume_reading(stream_);
  if (!ours && (by.mid_message() || session_.mid_message() || !session_.exchange().quiet())) {
    worker_.cancel_at_end(*this);
    return close();
  }
  reset(ours || by.keeps_server() ? Reset::Session : Reset::Transaction);
}

void Server::reset(Reset what) {
  own_ = Own::Resets;
  if (!session_.exchange().idle()) ask("ROLLBACK");
  if (what == Reset::Session) {
    ask("DISCARD ALL");
    forget_settings();
    session_.statements().clear();
  }
  if (session_.exchange().idle()) free();
}

void Server::forget_settings() {
  application_.clear();
  settings_ = {};
}

void Server::ask(std::string_view sql) {
  ByteBuffer out;
  append(out, pg::wire::frontend::Query{sql});
  session_.exchange().request({Request::Query, Answer::Gateways});
  session_.set_unnamed(0);
  send_copy(out);
}

void Server::on_message(const pg::wire::Message& message, Answer whose) {
  switch (message.type) {
    case backend::kErrorResponse:
      if (const auto fields = pg::wire::ErrorFields::decode(message.body)) on_error(*fields, whose);
      return;
    case backend::CommandComplete::kType:
      if (const auto done = backend::CommandComplete::decode(message.body)) on_tag(done->tag);
      return;
    case backend::ParameterStatus::kType:
      if (const auto parameter = backend::ParameterStatus::decode(message.body))
        on_parameter(*parameter, whose);
      return;
    case backend::DataRow::kType:
      if (own_ == Own::ReadsSettings) answer_.add(message);
      return;
    default: return;
  }
}

void Server::on_error(const pg::wire::ErrorFields& fields, Answer whose) {
  const Refusal said{std::string(fields.sqlstate()), std::string(fields.message()),
                     std::string(fields.find(pg::wire::error_field::kDetail)),
                     std::string(fields.find(pg::wire::error_field::kHint))};
  if (whose == Answer::Gateways) own_error_ = said;
  const auto undone = session_.exchange().undone();
  if (!undone.empty() && undone.front().statement && said.sqlstate == kResultChanged &&
      fields.find(pg::wire::error_field::kRoutine) == kChecksResult)
    worker_.statements().outdated(*undone.front().statement);
  if (!fields.ends_session()) return;
  told_ = client_ != nullptr && whose == Answer::Clients;
  last_words_ = said;
}

void Server::on_tag(std::string_view tag) {
  if (tag.starts_with("ALTER ") || tag.starts_with("DROP ")) worker_.statements().all_outdated();
  if (tag != "DEALLOCATE ALL" && tag != "DISCARD ALL") return;
  if (tag == "DISCARD ALL") {
    forget_settings();
    if (client_ != nullptr) {
      client_->session().set_settings({});
      client_->set_application(std::nullopt);
    }
  }
  session_.all_deallocated();
  if (client_ != nullptr) client_->session().all_deallocated(session_.exchange());
}

// What a client was not told by the server it is told when it may go on: see tell().
void Server::on_parameter(const backend::ParameterStatus& parameter, Answer whose) {
  reported_ = shared(changed(reported_, parameter.name, parameter.value), pool_.parameters());
  if (client_ != nullptr && whose == Answer::Clients) client_->heard(reported_);
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
  if (ready() && last_words_) return lost(last_words_);
  lost(std::nullopt);
}

// An end shows whatever lies unread before it. To an idle session a server says an error only when
// it ends it.
bool Server::has_ended() const {
  pollfd seen{.fd = stream_.descriptor(), .events = POLLIN | POLLRDHUP, .revents = 0};
  if (::poll(&seen, 1, 0) <= 0) return false;
  if ((seen.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) return true;
  char first = 0;
  const auto got = ::recv(stream_.descriptor(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0) return errno != EAGAIN && errno != EINTR;
  return got == 0 || first == backend::kErrorResponse;
}

void Server::close() { lost(std::nullopt); }
void Server::give_up() { lost(Refusal{"08006", "the server did not answer in time"}); }

void Server::lost(const std::optional<Refusal>& why) {
  worker_.loop().close(stream_);
  worker_.forget(*this);
  auto* client = std::exchange(client_, nullptr);
  pool_.lost(*this, why);
  if (client == nullptr) return;
  if (told_ || session_.mid_answer()) return client->server_lost(std::nullopt);
  if (own_ == Own::Sets || !said_) return client->again();
  client->server_lost(Refusal{"08006", "the server closed the connection unexpectedly"});
}

}  // namespace pgkeel::gateway
