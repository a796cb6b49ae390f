// One client's connection: from its first byte through the login to the end. What it says is taken
// by a ClientSession and goes to the server it is attached to; while it has none and needs one, it
// is not read.
// It guarantees: a client that has gone leaves no transaction and no half message to whoever comes
// after it; what it said and no server was given dies with it.
#pragma once

#include <list>

#include "gateway/admin/console.hpp"
#include "gateway/relay/loop.hpp"
#include "gateway/relay/verifier_source.hpp"
#include "gateway/session/client_login.hpp"
#include "gateway/session/client_session.hpp"
#include "gateway/session/reported.hpp"
#include "gateway/session/server_login.hpp"
#include "gateway/tls/channel.hpp"

namespace pgkeel::gateway {

class Pool;
class ReplicationLine;
class Server;
class Worker;

class Client final : public StreamOwner, public Outlet {
 public:
  enum class Channel : std::uint8_t { Tcp, UnixSocket };
  /// `address`: as the worker's door has counted it until it passes.
  Client(Worker& worker, Sharing sharing, Channel channel, std::string address);
  ~Client();

  // Of the loop.
  void on_bytes(ByteSpan bytes) override;
  void on_flush() override;
  void on_end(int error) override;
  void on_blocked() override;
  void on_drained() override;
  void on_hangup() override;
  void on_connected(int) override {}
  // Of the sessions: what the client is to get.
  void send(ByteSpan bytes) override;
  void send_copy(ByteSpan bytes) override;

  /// A server is its own now: what it had said goes on.
  void attached(Server& server);
  /// The server is another's again.
  void detached() { server_ = nullptr; }
  /// The server it was attached to is lost; without `why` the server has said it itself.
  void server_lost(const std::optional<Refusal>& why);
  /// The parameters of a server are known: it may begin.
  void greet(const ReportedParameters& parameters);
  /// What its server reports, told as far as it was told otherwise.
  void tell(const ReportedParameters& now);
  /// It was told by the server itself.
  void heard(const ReportedParameters& now);
  /// Told why, behind all it was to get before, then closed.
  void refuse(const Refusal& why);
  /// The server was lost before anything was asked of it: another one.
  void again();
  /// Its query is to be cancelled, which no server was given yet: dropped, and answered as the
  /// server would, where all of it has come.
  void cancelled();
  /// Told that an administrator ended it, then closed.
  void end();
  /// The server has answered enough for more to be asked.
  void go_on();
  /// What it asked of the console is over.
  void acted(const Result<void>& how);

  /// Its application_name, as it asked for it or has set it.
  [[nodiscard]] const std::string& application() const { return application_; }
  /// As it was read from its server; nothing: what it asked for at the start.
  void set_application(std::optional<std::string> name);
  [[nodiscard]] const SettingsSet& settings() const { return session_.settings(); }
  [[nodiscard]] Stream& stream() { return stream_; }
  [[nodiscard]] ClientSession& session() { return session_; }
  [[nodiscard]] Server* server() const { return server_; }
  [[nodiscard]] Pool* pool() const { return pool_; }
  /// In place of a pool's servers; null for whoever does not replicate.
  [[nodiscard]] const ReplicationLine* replication() const { return replication_.get(); }
  [[nodiscard]] const CancelKey& key() const { return key_; }
  [[nodiscard]] bool waiting() const { return waiting_; }
  /// It gets what was kept for it, and is closed: at the latest at its deadline.
  [[nodiscard]] bool leaving() const { return leaving_; }
  /// It has said what cannot be passed on yet.
  [[nodiscard]] bool holds() const { return waiting_ || !held_.empty(); }
  [[nodiscard]] SteadyTime waits_since() const { return waits_since_; }
  /// When it took too long: to log in, waiting for a server, or to take its last words; or has
  /// waited long enough to be told of its wrong password.
  [[nodiscard]] SteadyTime deadline() const { return deadline_; }
  [[nodiscard]] bool logging_in() const { return login_ != nullptr; }
  void passed_deadline();
  /// It counts among those that have not proven themselves no longer.
  void pass_door();
  void return_to_door();
  /// It is gone: answers that are still to come find nobody.
  void forget();
  [[nodiscard]] const std::shared_ptr<Client*>& self() const { return self_; }
  /// Its place in the worker's list, and in its pool's queue while it waits.
  std::list<std::unique_ptr<Client>>::iterator place;
  std::list<Client*>::iterator queued;

 private:
  void said(ByteSpan bytes);
  void begin_tls(TlsOpening opening, ByteSpan bytes);
  void decrypt(ByteSpan bytes);
  void log_in(ClientStep step, ByteBuffer& out, ByteSpan bytes = {});
  [[nodiscard]] bool waits_for_answer(const ClientStep& step, ByteBuffer& out);
  void answer_late();
  void proven(const ClientProven& proven);
  void find_verifier(const FindVerifier& wanted);
  void found(VerifierSource::Answer credentials);
  void feed(ByteSpan bytes);
  void open_console();
  [[nodiscard]] ServerCredentials server_credentials();
  void replicate();
  void answered(const Result<admin::Console::Step>& step, ByteSpan out);
  void hold(ByteSpan bytes);
  void wait_for_server();
  void waited();
  void part();
  void leave();

  Worker& worker_;
  Stream stream_{*this};
  Channel channel_;
  bool waiting_ = false;
  bool leaving_ = false;
  bool tls_begun_ = false;
  ClientSession session_;
  std::unique_ptr<ClientLogin> login_;
  std::unique_ptr<TlsChannel> tls_;
  Pool* pool_ = nullptr;
  Server* server_ = nullptr;
  std::string application_;
  std::string asked_application_;  ///< at the start
  ReportedParameters told_;
  ByteBuffer plain_;  ///< to be encrypted with the flush
  ByteBuffer held_;   ///< said, and given to no server yet
  CancelKey key_;
  SteadyTime deadline_;
  SteadyTime waits_since_;
  std::unique_ptr<admin::Console> console_;  ///< in place of a pool
  std::unique_ptr<ReplicationLine> replication_;
  struct Identity;  // until it has logged in
  std::unique_ptr<Identity> identity_;
  std::shared_ptr<Client*> self_;  ///< for answers that may come after it has gone
};

}  // namespace pgkeel::gateway
