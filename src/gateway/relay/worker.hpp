// One thread of the gateway: its loop, its clients, its pools of servers. Nothing of it is shared
// with another worker but what settings say (docs/adr/0012).
// It guarantees: every client is in the list once and in a queue at most once; every wait of a
// client has an end.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <unordered_map>

#include "gateway/relay/cancel_call.hpp"
#include "gateway/relay/client.hpp"
#include "gateway/relay/doorkeeper.hpp"
#include "gateway/relay/overview.hpp"
#include "gateway/relay/pauses.hpp"
#include "gateway/relay/pool.hpp"
#include "gateway/relay/timings.hpp"
#include "gateway/relay/verifier_source.hpp"

namespace pgkeel::gateway {

/// Clients of another process that have the keys of this one's place: one that handed its sockets
/// over and serves those it has until they leave.
class OtherClients {
 public:
  virtual ~OtherClients() = default;
  /// `told`: called when the request has arrived, or cannot.
  virtual void cancel(const CancelAsked& asked, std::function<void()> told) = 0;
  [[nodiscard]] virtual bool any() const = 0;
};

class Worker {
 public:
  /// Failed: the kernel has no loop for us.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> create(
      std::shared_ptr<const Settings> settings, std::unique_ptr<VerifierSource> source,
      Loop::Backend backend = Loop::Backend::Best);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Accepts from a listening socket, which must not block and stays the caller's.
  [[nodiscard]] Result<void> listen(int listener, Client::Channel channel);
  /// Runs until stop(), which any thread or a signal's handler may call.
  [[nodiscard]] Result<void> run();
  void stop();
  /// Nobody is accepted any more, and run() ends when the last client has left, here and among the
  /// other clients. On its thread.
  void drain();
  /// From any thread.
  [[nodiscard]] bool draining() const { return draining_.load(std::memory_order_relaxed); }
  /// Whom a key may belong to that is nobody's here; is there for as long as we run.
  void set_other_clients(OtherClients& others) { others_ = &others; }
  /// From here on it works with these; on its thread. Servers at another address are replaced as
  /// they become free.
  void follow(std::shared_ptr<const Settings> settings);

  /// Has `call` made on the worker's thread; from any thread.
  void post(std::function<void()> call);

  [[nodiscard]] Loop& loop() { return *loop_; }
  [[nodiscard]] const Settings& settings() const { return *settings_; }
  [[nodiscard]] StatementStore& statements() { return statements_; }
  [[nodiscard]] SettingsTable& settings_table() { return settings_table_; }
  [[nodiscard]] VerifierSource& verifiers() { return *verifiers_; }
  [[nodiscard]] Doorkeeper& door() { return door_; }
  [[nodiscard]] Pauses& pauses() { return pauses_; }
  [[nodiscard]] Timings& timings() { return timings_; }
  /// Of this round: when there was something to do.
  [[nodiscard]] SteadyTime now() const { return std::max(now_, loop_->woke()); }
  /// Something is due then.
  void wake_at(SteadyTime when) { wake_ = std::min(wake_, when); }
  [[nodiscard]] Pool& pool_of(const PoolKey& key);
  /// Whether another server may be opened for the pool: pools of one database and user have
  /// pool.size between them, and one that needs none gives way.
  [[nodiscard]] bool has_room(const Pool& pool);
  /// A server of the pool is gone: whoever of its siblings waits may open one.
  void room_made(const Pool& pool);
  /// A key no other client has, in the form the client's protocol takes.
  [[nodiscard]] CancelKey new_key(Client& client, pg::wire::ProtocolVersion version);
  /// A client asks to have the query of another ended: by its key, or nothing happens. It is gone
  /// when the server has read it, or at once.
  void cancel(const CancelAsked& asked, Client& by);
  /// As asked by whoever is told by `told`, which may be called at once.
  void cancel(const CancelAsked& asked, std::function<void()> told);
  /// Ends what `server` does, whose connection is about to be closed: nobody waits for it.
  void cancel_at_end(const Server& server);
  void go_on_soon(Client& client);
  void gone(Client& client);
  void gone(CancelCall& call);
  void forget(const Server& server);
  /// Where a client's plaintext lies until the flush: what one receive brought and what a record
  /// before it had left, with room to spare.
  static constexpr std::size_t kPlainBytes = 128U << 10U;
  [[nodiscard]] std::span<std::byte> plain_room() { return *plain_room_; }
  /// For a session that has no server: it says nothing to it.
  [[nodiscard]] Outlet& nowhere() { return nowhere_; }
  [[nodiscard]] admin::ConsoleHost& overview() { return overview_; }
  [[nodiscard]] const std::map<PoolKey, std::unique_ptr<Pool>>& pools() const { return pools_; }
  /// By database, what pools counted that are there no more.
  [[nodiscard]] const std::map<std::string, admin::StatsCounters>& former_totals() const {
    return former_totals_;
  }
  [[nodiscard]] const std::list<std::unique_ptr<Client>>& all_clients() const { return clients_; }
  /// KILL: they are told, and gone.
  void end_clients(const Pool& pool);
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }
  /// Of them, those that replicate.
  [[nodiscard]] std::size_t replications() const;

 private:
  Worker(std::unique_ptr<Loop> loop, std::shared_ptr<const Settings> settings,
         std::unique_ptr<VerifierSource> verifiers, int wake_descriptor);
  void accept(int listener, Client::Channel channel);
  void admit(int descriptor, Client::Channel channel, std::string address);
  void rest_from_accepting(int listener, Client::Channel channel);
  void end_all();
  void tend();
  void keep_time();
  void take_calls();
  [[nodiscard]] std::vector<Pool*> siblings_of(const Pool& pool);
  [[nodiscard]] Client* client_of(const CancelAsked& asked);
  void call_cancel(const ServerLine& server, Server* waits, std::function<void()> told);
  [[nodiscard]] bool anybody_left() const;

  struct Nowhere final : Outlet {
    void send(ByteSpan) override {}
    void send_copy(ByteSpan) override {}
  };
  Nowhere nowhere_;
  SettingsTable settings_table_;  // outlives whoever has settings: what the loop retires, too
  Overview overview_{*this};
  Pauses pauses_{*this};  // outlives the consoles that wait
  std::unique_ptr<std::array<std::byte, kPlainBytes>> plain_room_ =
      std::make_unique<std::array<std::byte, kPlainBytes>>();
  std::unique_ptr<Loop> loop_;  // the first: what the others retire goes with it
  std::shared_ptr<const Settings> settings_;
  std::unique_ptr<VerifierSource> verifiers_;
  StatementStore statements_;
  Timings timings_;
  Doorkeeper door_;
  std::map<PoolKey, std::unique_ptr<Pool>> pools_;
  std::map<std::string, admin::StatsCounters> former_totals_;
  std::list<std::unique_ptr<Client>> clients_;
  std::unordered_map<std::uint32_t, Client*> by_key_;
  std::list<std::unique_ptr<CancelCall>> cancels_;
  OtherClients* others_ = nullptr;
  std::vector<int> listeners_;
  std::vector<std::pair<int, Client::Channel>> resting_;
  std::uint32_t last_key_ = 0;
  SteadyTime now_ = SteadyClock::now();
  SteadyTime wake_;
  SteadyTime tended_;
  int wake_descriptor_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> draining_ = false;
  std::mutex calls_mutex_;
  std::vector<std::function<void()>> calls_;
};

}  // namespace pgkeel::gateway
