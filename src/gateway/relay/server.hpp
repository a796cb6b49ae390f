// One connection to the server: from connecting through its login to the pool, and attached to one
// client after another.
// It guarantees: a server in a pool is as the next client may find it: no transaction is open, it
// owes nothing, and what a session left in it was reset, but for settings, which are known and made
// the next client's before it is asked anything.
#pragma once

#include <list>

#include "gateway/relay/server_line.hpp"
#include "gateway/session/client_session.hpp"
#include "gateway/session/reported.hpp"
#include "gateway/session/server_session.hpp"
#include "gateway/session/settings_answer.hpp"

namespace pgkeel::gateway {

class Client;
class Pool;
class Worker;

class Server final : public ServerLine, public ServerListener, public Outlet {
 public:
  Server(Worker& worker, Pool& pool);
  ~Server();

  void on_end(int error) override;
  void on_blocked() override;
  void on_drained() override;
  void on_hangup() override;
  void send(ByteSpan bytes) override { write(bytes); }
  void send_copy(ByteSpan bytes) override { write_copy(bytes); }
  void on_message(const pg::wire::Message& message, Answer whose) override;
  void on_failed() override;
  void on_unprepared(const std::string& name, const StatementRef& statement) override;
  void on_unclosed(const std::string& name, const StatementRef& statement) override;

  /// It is the client's from here on; while preparing() it is not to be asked anything.
  void attach(Client& client);
  /// It is being set to what the client wants, or asked what the client has set; the client is told
  /// when it may go on.
  [[nodiscard]] bool preparing() const { return own_ == Own::Sets || own_ == Own::ReadsSettings; }
  /// Its client has left: made ready for the next one, or closed where it cannot be.
  void abandoned(const ClientSession& by);
  /// For a query of ours; what it says is not told to anybody.
  void ask(std::string_view sql);
  void close();
  /// It has not logged us in in time.
  void give_up();

  /// What its session has set, where no client that may set more is attached.
  [[nodiscard]] const SettingsSet& settings() const { return settings_; }
  /// What it reports of its session; null until it has logged in.
  [[nodiscard]] const ReportedParameters& reported() const { return reported_; }
  [[nodiscard]] ServerSession& session() { return session_; }
  [[nodiscard]] Client* client() const { return client_; }
  /// Something is about to be asked: the clock of a query starts, if none runs.
  void asked(SteadyTime now);
  /// Its connection has ended, or its last words lie there, and nobody was told yet. Asks the
  /// kernel.
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] SteadyTime since() const { return since_; }
  [[nodiscard]] SteadyTime born() const { return born_; }
  void set_since(SteadyTime when) { since_ = when; }
  /// Its client has said something that needs no answer: it may be free.
  void maybe_free();
  /// One of the requests to cancel has arrived.
  enum class Cancel : std::uint8_t { Arrived, Lost };
  void cancelled(Cancel how);
  /// Requests to cancel that are on their way to it: until they have arrived it is nobody else's.
  int cancels = 0;
  std::list<std::unique_ptr<Server>>::iterator place;

 private:
  void opened(const ServerReady& ready, ByteSpan behind) override;
  void take(ByteSpan bytes) override;
  void lost(const std::optional<Refusal>& why) override;
  void derived(ScramPass pass) override;
  void free();
  void release();
  void set_for(const Client& client);
  void was_set(bool failed);
  void read_settings();
  [[nodiscard]] bool settings_read(bool failed);
  void on_error(const pg::wire::ErrorFields& fields, Answer whose);
  void on_tag(std::string_view tag);
  void on_parameter(const pg::wire::backend::ParameterStatus& parameter, Answer whose);
  void count();
  void let_go();
  void forget_settings();
  enum class Reset : std::uint8_t { Transaction, Session };
  void reset(Reset what);

  Pool& pool_;
  ServerSession session_;
  Client* client_ = nullptr;
  std::string application_;  ///< application_name as it is set now
  SteadyTime asked_at_;
  SteadyTime attached_at_;
  /// What it is asked by us.
  enum class Own : std::uint8_t { Nothing, Sets, ReadsSettings, Resets };
  Own own_ = Own::Nothing;
  std::optional<Refusal> own_error_;  ///< what it said to that
  SettingsSet settings_;
  bool was_clean_ = true;  ///< before it was set: nothing was
  SettingsAnswer answer_;
  ReportedParameters reported_;
  bool said_ = false;  ///< something of its client's was given to it
  SteadyTime since_;   ///< idle
  SteadyTime born_;
  bool told_ = false;                  ///< its last words reached a client
  std::optional<Refusal> last_words_;  ///< a FATAL error it ended with
};

}  // namespace pgkeel::gateway
