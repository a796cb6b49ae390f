// The servers of one database and user in one worker, and the clients that wait for one: first
// come, first served; of idle servers the one used last, whose caches are warm, and rather one that
// has the client's settings.
// It guarantees: never more servers than the pool's size; connections are opened one, two, four at
// a time as the server takes them, so that a server that comes back is not run over; whoever waits
// is told so in time.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "gateway/admin/snapshots.hpp"
#include "gateway/relay/settings.hpp"
#include "gateway/session/reported.hpp"
#include "gateway/session/server_login.hpp"

namespace pgkeel::gateway {

class Client;
class Server;
class Worker;

/// What servers are opened with, and therefore go back to when they are reset.
struct PoolKey {
  std::string database;
  std::string user;
  /// Of the start-up message, application_name left out: clients that asked for others have servers
  /// of their own. Each is a name and a value.
  std::vector<std::pair<std::string, std::string>> settings;
  friend auto operator<=>(const PoolKey&, const PoolKey&) = default;
};

[[nodiscard]] PoolKey pool_key_of(const ClientRequest& request);

/// For the counters.
[[nodiscard]] inline std::int64_t microseconds_of(SteadyClock::duration time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

class Pool {
 public:
  Pool(Worker& worker, PoolKey key);
  ~Pool();

  /// An idle server, which is the client's from then on; nullptr when it has to wait.
  [[nodiscard]] Server* take(Client& client);
  /// The client waits for its greeting, or for a server; taken off when it gets one or leaves.
  void enqueue(Client& client);
  void leave_queue(Client& client);
  /// A server is free: whoever waits longest gets it.
  void put_back(Server& server);
  /// A server has logged in.
  void opened(Server& server);
  /// A server is gone. `why` where it never was ready: told to whoever waits, if it will not pass.
  void lost(Server& server, const std::optional<Refusal>& why);
  /// Opens what is needed and may be, closes what is too old; at least once a second.
  void tend(SteadyTime now);
  /// Opens what is waited for and may be.
  void open_some(SteadyTime now);
  /// Closes the server that has been idle longest; nothing when none is.
  bool close_oldest_idle();
  void close_idle();
  /// Idle servers are closed now, the others when they are free.
  void replace_all();

  [[nodiscard]] const PoolKey& key() const { return key_; }
  /// No server is opened or given to anybody.
  [[nodiscard]] bool paused() const;
  /// What a server that nobody has set anything on reports; null until one has logged in.
  [[nodiscard]] const ReportedParameters& parameters() const { return parameters_; }
  /// What opens the server for the user: of whoever proved it last.
  [[nodiscard]] const ServerCredentials& credentials() const { return credentials_; }
  void set_credentials(ServerCredentials credentials) { credentials_ = std::move(credentials); }
  [[nodiscard]] const std::list<std::unique_ptr<Server>>& all() const { return servers_; }
  /// Why no server could be opened, since the last that could.
  [[nodiscard]] const std::optional<Refusal>& last_failure() const { return last_failure_; }
  /// Since the pool is there.
  [[nodiscard]] admin::StatsCounters& counters() { return counters_; }
  /// Of the client that waits longest.
  [[nodiscard]] std::chrono::microseconds longest_wait(SteadyTime now) const;
  [[nodiscard]] std::size_t servers() const { return servers_.size(); }
  [[nodiscard]] std::size_t idle() const { return idle_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] bool unused() const { return servers_.empty() && waiting_.empty() && clients == 0; }
  std::size_t clients = 0;  ///< that have named it

 private:
  void serve_waiting();
  [[nodiscard]] bool serve_first();
  [[nodiscard]] Server* take_idle(const Client& client);
  [[nodiscard]] Server* next_idle(const Client& client);
  void failed(const std::optional<Refusal>& why, SteadyTime now);

  Worker& worker_;
  PoolKey key_;
  ServerCredentials credentials_;
  std::list<std::unique_ptr<Server>> servers_;
  std::vector<Server*> idle_;
  std::list<Client*> waiting_;
  ReportedParameters parameters_;
  admin::StatsCounters counters_;
  bool serving_ = false;
  SteadyTime older_goes_{};  ///< servers that were opened before are closed when they are free
  std::set<const Server*> opening_servers_;  ///< that are not in the pool yet
  std::size_t opening_ = 0;
  std::size_t ramp_ = 1;  ///< may be opening at once
  Millis backoff_{0};
  std::optional<Refusal> last_failure_;
  SteadyTime not_before_{};
};

}  // namespace pgkeel::gateway
