// See pool.hpp. A permit stands for the right to hold one connection; whoever has it takes an idle
// connection or opens a new one, so that idle and lent ones together never exceed the size.
#include "client/pool.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace pgkeel::client {

using runtime::Task;

/// A pooled connection and its history.
struct Pool::Slot {
  explicit Slot(Connection opened) : connection(std::move(opened)) {}
  Connection connection;
  SteadyTime expires;
  SteadyTime idle_since;
  std::uint64_t generation = 0;
  std::source_location where;
  SteadyTime lent_at;
  bool reported = false;
};

namespace {

// A host that fell and came back: connections made before are of an older generation.
struct Generations {
  std::uint64_t all = 0;
  std::map<std::string, std::uint64_t> by_host;

  [[nodiscard]] std::uint64_t of(const std::string& host) const {
    const auto found = by_host.find(host);
    return all + (found == by_host.end() ? 0 : found->second);
  }
};

DbError pool_error(Error error, Millis waited) {
  DbError wrapped;
  wrapped.error = std::move(error);
  if (wrapped.error.code == ErrorCode::TimedOut)
    wrapped.error.detail = "no connection of the pool came free in time";
  wrapped.phase = Phase::Connect;
  wrapped.elapsed = waited;
  return wrapped;
}

}  // namespace

struct Pool::State {
  State(runtime::Loop& on, pg::Conninfo to, PoolOptions with)
      : loop(&on),
        conninfo(std::move(to)),
        options(std::move(with)),
        permits(on, options.size, options.waiters_max) {}

  runtime::Loop* loop;
  const pg::Conninfo conninfo;
  const PoolOptions options;
  Permits permits;
  std::vector<std::unique_ptr<Slot>> idle;  ///< the most recently used last
  std::vector<Slot*> lent;
  Generations generations;
  PoolMetrics counted;
  std::mt19937_64 random{std::random_device{}()};
  bool closed = false;

  [[nodiscard]] SteadyTime end_of_life();
  [[nodiscard]] bool worth_keeping(Slot& slot);
  [[nodiscard]] std::unique_ptr<Slot> take_idle();
  Task<std::unique_ptr<Slot>> take_checked(Limit limit);
  Task<DbResult<std::unique_ptr<Slot>>> open_new(Limit limit);
  void lend(Slot& slot, std::source_location where);
  void take_back(std::unique_ptr<Slot> slot);
  void drop_idle_if_outdated();
  void report_overdue();
  void count_failed_wait(const Error& error);
};

SteadyTime Pool::State::end_of_life() {
  std::uniform_real_distribution<double> any(1.0 - options.lifetime_jitter, 1.0);
  const double limit_ms = static_cast<double>(options.lifetime.count()) * any(random);
  return loop->after(Millis(static_cast<Millis::rep>(limit_ms)));
}

// Counts what it refuses. Looks at the socket but never waits.
bool Pool::State::worth_keeping(Slot& slot) {
  if (slot.expires <= loop->now()) {
    ++counted.expired;
    return false;
  }
  Connection& connection = slot.connection;
  const bool good = slot.generation == generations.of(connection.host()) &&
                    connection.fate() == pg::ConnectionFate::Keep &&
                    connection.transaction_state() == TransactionState::Idle &&
                    connection.alive_now();
  if (!good) ++counted.evicted;
  return good;
}

std::unique_ptr<Pool::Slot> Pool::State::take_idle() {
  while (!idle.empty()) {
    std::unique_ptr<Slot> slot = std::move(idle.back());
    idle.pop_back();
    if (worth_keeping(*slot)) return slot;
  }
  return nullptr;
}

void Pool::State::lend(Slot& slot, std::source_location where) {
  slot.where = where;
  slot.lent_at = loop->now();
  slot.reported = false;
  lent.push_back(&slot);
}

void Pool::State::take_back(std::unique_ptr<Slot> slot) {
  std::erase(lent, slot.get());
  const bool distrusted = slot->connection.fate() != pg::ConnectionFate::Keep;
  const std::string host = slot->connection.host();
  if (!closed && worth_keeping(*slot)) {
    slot->idle_since = loop->now();
    idle.push_back(std::move(slot));
  } else if (distrusted && slot->generation == generations.of(host)) {
    // Once per fall: those lent out before it are of an older generation by now.
    ++generations.by_host[host];
    drop_idle_if_outdated();
  }
  permits.release();
}

void Pool::State::drop_idle_if_outdated() {
  const auto outdated = [this](const std::unique_ptr<Slot>& slot) {
    return slot->generation != generations.of(slot->connection.host());
  };
  counted.evicted += std::erase_if(idle, outdated);
}

void Pool::State::report_overdue() {
  for (Slot* slot : lent) {
    const auto held = std::chrono::duration_cast<Millis>(loop->now() - slot->lent_at);
    if (slot->reported || held < options.overdue_after) continue;
    slot->reported = true;
    ++counted.overdue;
    log_warning("a pooled connection is held long while others wait",
                {{"host", slot->connection.host()},
                 {"held_ms", held.count()},
                 {"file", slot->where.file_name()},
                 {"line", slot->where.line()},
                 {"function", slot->where.function_name()}});
  }
}

void Pool::State::count_failed_wait(const Error& error) {
  if (error.code == ErrorCode::TimedOut) ++counted.timeouts;
  if (error.code == ErrorCode::PoolExhausted) ++counted.rejected;
}

namespace {

/// Gives the permit back unless a lease has taken it over.
class PermitGuard {
 public:
  explicit PermitGuard(Permits& permits) : permits_(&permits) {}
  ~PermitGuard() {
    if (permits_ != nullptr) permits_->release();
  }
  PermitGuard(const PermitGuard&) = delete;
  PermitGuard& operator=(const PermitGuard&) = delete;
  void hand_over() { permits_ = nullptr; }

 private:
  Permits* permits_;
};

Task<bool> answers_ping(Connection* connection, Limit limit) {
  const auto answer = co_await connection->execute("", std::move(limit));
  co_return answer.has_value();
}

}  // namespace

Pool::Pool(runtime::Loop& loop, pg::Conninfo conninfo, PoolOptions options)
    : state_(std::make_shared<State>(loop, std::move(conninfo), std::move(options))) {}

Pool::~Pool() {
  state_->closed = true;
  state_->idle.clear();
  state_->permits.close();
}

// An idle connection that has been looked at; null when there is none. One that does not answer
// casts doubt on all others of its host, unless it was the caller who had no time left.
Task<std::unique_ptr<Pool::Slot>> Pool::State::take_checked(Limit limit) {
  while (auto slot = take_idle()) {
    if (loop->now() - slot->idle_since < options.ping_after) co_return slot;
    const SteadyTime until = std::min(limit.deadline, loop->after(options.ping_timeout));
    const bool answers = co_await answers_ping(&slot->connection, limit.with_deadline(until));
    if (answers) co_return slot;
    ++counted.evicted;
    if (loop->now() >= limit.deadline) break;
    ++generations.by_host[slot->connection.host()];
    drop_idle_if_outdated();
  }
  co_return nullptr;
}

Task<DbResult<std::unique_ptr<Pool::Slot>>> Pool::State::open_new(Limit limit) {
  ConnectOptions how = options.connect;
  how.deadline = std::min(limit.deadline, loop->after(options.connect_timeout));
  how.stop = limit.stop;
  auto connection = co_await Connection::open(*loop, conninfo, std::move(how));
  if (!connection) {
    ++counted.connect_failures;
    co_return fail(std::move(connection).error());
  }
  ++counted.created;
  auto slot = std::make_unique<Slot>(*std::move(connection));
  slot->expires = end_of_life();
  slot->generation = generations.of(slot->connection.host());
  co_return slot;
}

Task<DbResult<Pool::Lease>> Pool::acquire(Limit limit, std::source_location where) {
  const std::shared_ptr<State> state = state_;  // outlives the pool if need be
  const SteadyTime began = state->loop->now();
  if (state->permits.free() == 0) state->report_overdue();
  const auto permitted = co_await state->permits.acquire(limit);
  if (!permitted) {
    state->count_failed_wait(permitted.error());
    co_return fail(pool_error(permitted.error(),
                              std::chrono::duration_cast<Millis>(state->loop->now() - began)));
  }
  PermitGuard permit(state->permits);
  auto slot = co_await state->take_checked(limit);
  if (!slot) {
    auto opened = co_await state->open_new(limit);
    if (!opened) co_return fail(std::move(opened).error());
    slot = *std::move(opened);
  }
  state->lend(*slot, where);
  permit.hand_over();
  co_return Lease(state, std::move(slot));
}

void Pool::invalidate_all() {
  ++state_->generations.all;
  state_->drop_idle_if_outdated();
}

void Pool::invalidate_host(const std::string& host) {
  ++state_->generations.by_host[host];
  state_->drop_idle_if_outdated();
}

PoolMetrics Pool::metrics() const {
  PoolMetrics metrics = state_->counted;
  metrics.active = state_->lent.size();
  metrics.idle = state_->idle.size();
  metrics.pending = state_->permits.waiting();
  return metrics;
}

std::vector<Borrow> Pool::borrows() const {
  std::vector<Borrow> all;
  for (const Slot* slot : state_->lent)
    all.push_back({.where = slot->where,
                   .held = std::chrono::duration_cast<Millis>(state_->loop->now() - slot->lent_at),
                   .host = slot->connection.host()});
  return all;
}

const pg::Conninfo& Pool::conninfo() const { return state_->conninfo; }
runtime::Loop& Pool::loop() const { return *state_->loop; }

Pool::Lease::Lease(std::shared_ptr<State> state, std::unique_ptr<Slot> slot)
    : state_(std::move(state)), slot_(std::move(slot)) {}
Pool::Lease::Lease(Lease&& other) noexcept = default;
Pool::Lease& Pool::Lease::operator=(Lease&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(slot_, other.slot_);
  return *this;
}
Pool::Lease::~Lease() {
  if (slot_) state_->take_back(std::move(slot_));
}

Connection& Pool::Lease::operator*() const { return slot_->connection; }

}  // namespace pgkeel::client
