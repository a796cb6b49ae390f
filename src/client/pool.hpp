// A bounded pool of connections to one database. What it hands out has been looked at: a socket
// already closed is dropped, a connection long idle is pinged first, one near its end of life is
// replaced. After a disconnect every connection to that host is distrusted, since one server's
// restart kills them all.
// It guarantees: at most `size` connections; waiters are served in order, bounded in number and in
// time; a connection comes back clean or not at all. It refuses to hide failures: a connect error
// is the caller's, who decides about retrying (retry.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <source_location>
#include <string>
#include <vector>

#include "client/connection.hpp"
#include "client/permits.hpp"

namespace pgkeel::client {

struct PoolOptions {
  std::size_t size = 4;
  std::size_t waiters_max = 64;
  /// Connections older than this are replaced when they come by, never while in use. Each one's own
  /// limit is shortened by up to `lifetime_jitter` of it, so that they do not all expire at once.
  Millis lifetime{Seconds(1800)};
  double lifetime_jitter = 0.1;
  Millis ping_after{5'000};  ///< idle longer than this: pinged before it is handed out
  Millis ping_timeout{1'000};
  Millis connect_timeout{5'000};
  Millis overdue_after{30'000};  ///< borrowed longer than this: named when others must wait
  ConnectOptions connect = {};   ///< its deadline and stop are ignored
};

struct PoolMetrics {
  std::size_t active = 0;  ///< lent out
  std::size_t idle = 0;
  std::size_t pending = 0;  ///< callers waiting for a connection
  std::uint64_t created = 0;
  std::uint64_t evicted = 0;   ///< closed before their time: lost, killed, dirty, distrusted
  std::uint64_t expired = 0;   ///< closed at the end of their lifetime
  std::uint64_t timeouts = 0;  ///< acquire() gave up at its deadline
  std::uint64_t rejected = 0;  ///< acquire() met a full queue
  std::uint64_t connect_failures = 0;
  std::uint64_t overdue = 0;  ///< borrows reported as held too long
};

/// Who holds a connection, for leak reports.
struct Borrow {
  std::source_location where;
  Millis held{};
  std::string host;
};

class Pool {
 public:
  class Lease;

  Pool(runtime::Loop& loop, pg::Conninfo conninfo, PoolOptions options);
  /// Closes idle connections; those lent out are closed when they come back.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// A connection, idle or new. PoolExhausted when too many wait already; TimedOut with Phase
  /// Connect at the deadline; otherwise the error of the login.
  runtime::Task<DbResult<Lease>> acquire(
      Limit limit, std::source_location where = std::source_location::current());

  /// Closes all idle connections and, when they come back, those lent out now.
  void invalidate_all();
  void invalidate_host(const std::string& host);

  [[nodiscard]] PoolMetrics metrics() const;
  [[nodiscard]] std::vector<Borrow> borrows() const;
  [[nodiscard]] const pg::Conninfo& conninfo() const;
  [[nodiscard]] runtime::Loop& loop() const;

 private:
  struct State;
  struct Slot;
  std::shared_ptr<State> state_;
};

/// A borrowed connection; gives it back when destroyed. One that was left inside a transaction, is
/// unusable, or met an error its policy evicts for, is closed instead (which never waits).
class Pool::Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease();

  Connection& operator*() const;
  Connection* operator->() const { return &**this; }

 private:
  friend class Pool;
  Lease(std::shared_ptr<State> state, std::unique_ptr<Slot> slot);
  std::shared_ptr<State> state_;
  std::unique_ptr<Slot> slot_;
};

}  // namespace pgkeel::client
