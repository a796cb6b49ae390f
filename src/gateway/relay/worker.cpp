// See worker.hpp.
#include "gateway/relay/worker.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "gateway/relay/door_address.hpp"
#include "gateway/relay/replication_line.hpp"
#include "gateway/relay/server.hpp"

namespace pgkeel::gateway {
namespace {

constexpr Millis kTendEvery{1000};
constexpr Millis kWatchEvery{100};  // while somebody waits: how late a time limit may be told
constexpr Millis kEndWithin{1000};  // of a stop: cancels on their way, and last words
// Of one round: a storm of logins leaves room for those that are in.
constexpr int kAcceptedMost = 64;
// On their way at once: each is a process of the server's for a moment.
constexpr std::size_t kCancelsMost = 64;
constexpr std::size_t kShortKeyBytes = 4;
constexpr std::size_t kLongKeyBytes = 32;
constexpr std::uint32_t kKeyMost = 0x7FFF'FFFF;  // drivers read a process id as a signed number

// As the postmaster says that it cannot fork: in clear, before anything was read, and without a
// client of ours that would hold memory.
void turn_away(int descriptor) {
  ByteBuffer out;
  append(out, Refusal{.sqlstate = "53300",
                      .message = "too many connections that have not logged in yet"});
  static_cast<void>(::send(descriptor, out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  ::close(descriptor);
}

}  // namespace

Worker::Worker(std::unique_ptr<Loop> loop, std::shared_ptr<const Settings> settings,
               std::unique_ptr<VerifierSource> verifiers, int wake_descriptor)
    : loop_(std::move(loop)),
      settings_(std::move(settings)),
      verifiers_(std::move(verifiers)),
      wake_descriptor_(wake_descriptor) {}

// The source's thread posts to us until it has ended.
Worker::~Worker() {
  verifiers_.reset();
  ::close(wake_descriptor_);
}

Result<std::unique_ptr<Worker>> Worker::create(std::shared_ptr<const Settings> settings,
                                               std::unique_ptr<VerifierSource> source,
                                               Loop::Backend backend) {
  TRY(loop, Loop::create(backend));
  const int wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake < 0) return fail(Error::from_errno(errno, "eventfd"));
  std::unique_ptr<Worker> worker(
      new Worker(std::move(loop), std::move(settings), std::move(source), wake));
  TRY_VOID(worker->loop_->watch(wake, [to = worker.get()] { to->take_calls(); }));
  return worker;
}

Result<void> Worker::listen(int listener, Client::Channel channel) {
  TRY_VOID(loop_->watch(listener, [this, listener, channel] { accept(listener, channel); }));
  listeners_.push_back(listener);
  return {};
}

void Worker::accept(int listener, Client::Channel channel) {
  for (int count = 0; count < kAcceptedMost; ++count) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int made = ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (made < 0) {
      if (errno == EMFILE || errno == ENFILE) rest_from_accepting(listener, channel);
      return;
    }
    auto address = door_address_of(peer, made);
    if (door_.arrived(address, settings_->door) == Doorkeeper::Entry::Admitted)
      admit(made, channel, std::move(address));
    else turn_away(made);
  }
}

void Worker::admit(int descriptor, Client::Channel channel, std::string address) {
  if (channel == Client::Channel::Tcp) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  auto place = clients_.insert(
      clients_.end(), std::make_unique<Client>(*this, settings_->pool.sharing, channel, address));
  (*place)->place = place;
  if (!loop_->add((*place)->stream(), descriptor, Loop::Socket::Connected)) {
    gone(**place);
  } else if (clients_.size() > settings_->clients_most) {
    (*place)->refuse({"53300", "sorry, too many clients already"});
  }
}

// It stays readable while there is no descriptor for it: until the next tend nobody looks.
void Worker::rest_from_accepting(int listener, Client::Channel channel) {
  loop_->unwatch(listener);
  std::erase(listeners_, listener);
  resting_.emplace_back(listener, channel);
}

Result<void> Worker::run() {
  while (!stopping_.load(std::memory_order_relaxed) && (!draining() || anybody_left())) {
    keep_time();
    TRY_VOID(loop_->run_round(std::min(wake_, tended_ + kTendEvery), now_));
  }
  end_all();
  return {};
}

void Worker::drain() {
  draining_.store(true, std::memory_order_relaxed);
  for (const int listener : std::exchange(listeners_, {})) loop_->unwatch(listener);
  resting_.clear();
}

bool Worker::anybody_left() const {
  return !clients_.empty() || !cancels_.empty() || (others_ != nullptr && others_->any());
}

// Everybody is told, what runs is cancelled; cancels and what is kept for slow clients are seen
// off.
void Worker::end_all() {
  std::vector<Client*> ended;
  for (const auto& client : clients_) ended.push_back(client.get());
  for (auto* client : ended) client->end();
  loop_->flush();
  const auto until = SteadyClock::now() + kEndWithin;
  const auto parting = [&] {
    return std::ranges::any_of(clients_, [](const auto& client) { return client->leaving(); });
  };
  while ((!cancels_.empty() || parting()) && SteadyClock::now() < until)
    if (!loop_->run_round(until)) return;
}

void Worker::keep_time() {
  now_ = SteadyClock::now();
  timings_.round_over(now_ - loop_->woke());
  if (now_ < wake_ && now_ < tended_ + kTendEvery) return;
  tended_ = now_;
  wake_ = SteadyTime::max();
  tend();
  loop_->flush();
}

void Worker::tend() {
  for (const auto& [listener, channel] : std::exchange(resting_, {}))
    if (!listen(listener, channel)) resting_.emplace_back(listener, channel);
  std::vector<Client*> late;
  for (const auto& client : clients_) {
    if (!client->waiting() && !client->logging_in() && !client->leaving()) continue;
    if (client->deadline() <= now_) late.push_back(client.get());
    else wake_at(std::min(client->deadline(), now_ + kWatchEvery));
  }
  for (auto* client : late) client->passed_deadline();
  for (auto call = cancels_.begin(); call != cancels_.end();) {
    const auto next = std::next(call);
    if ((*call)->deadline() <= now_) (*call)->end(CancelCall::End::Lost);
    call = next;
  }
  for (const auto& [key, pool] : pools_) pool->tend(now_);
  std::erase_if(pools_, [this](const auto& entry) {
    if (!entry.second->unused()) return false;
    former_totals_[entry.first.database] += entry.second->counters();
    return true;
  });
}

void Worker::follow(std::shared_ptr<const Settings> settings) {
  const bool moved = !settings->same_server(*settings_);
  settings_ = std::move(settings);
  if (!moved) return;
  for (const auto& [key, pool] : pools_) pool->replace_all();
}

void Worker::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_descriptor_, &one, sizeof one));
}

void Worker::post(std::function<void()> call) {
  {
    const std::lock_guard lock(calls_mutex_);
    calls_.push_back(std::move(call));
  }
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_descriptor_, &one, sizeof one));
}

void Worker::take_calls() {
  std::uint64_t count = 0;
  static_cast<void>(::read(wake_descriptor_, &count, sizeof count));
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(calls_mutex_);
    calls.swap(calls_);
  }
  for (const auto& call : calls) call();
}

Pool& Worker::pool_of(const PoolKey& key) {
  auto& pool = pools_[key];
  if (!pool) pool = std::make_unique<Pool>(*this, key);
  return *pool;
}

// Pools of one database and user differ in what their clients asked for at the start.
std::vector<Pool*> Worker::siblings_of(const Pool& pool) {
  const auto& key = pool.key();
  std::vector<Pool*> found;
  for (auto at = pools_.lower_bound({key.database, key.user, {}});
       at != pools_.end() && at->first.database == key.database && at->first.user == key.user; ++at)
    found.push_back(at->second.get());
  return found;
}

bool Worker::has_room(const Pool& pool) {
  const auto siblings = siblings_of(pool);
  const auto open = [&] {
    std::size_t servers = 0;
    for (const auto* one : siblings) servers += one->servers();
    return servers;
  };
  if (open() < settings_->pool.size) return true;
  for (auto* one : siblings)
    if (one != &pool && one->waiting() == 0 && one->close_oldest_idle()) break;
  return open() < settings_->pool.size;  // who is told of the room may have taken it already
}

void Worker::room_made(const Pool& pool) {
  for (auto* one : siblings_of(pool)) one->open_some(now_);
}

CancelKey Worker::new_key(Client& client, pg::wire::ProtocolVersion version) {
  do last_key_ = last_key_ % kKeyMost + 1;
  while (by_key_.contains(last_key_));
  by_key_[last_key_] = &client;
  std::string secret(version.minor >= 2 ? kLongKeyBytes : kShortKeyBytes, '\0');
  CHECK(::getrandom(secret.data(), secret.size(), 0) == static_cast<ssize_t>(secret.size()));
  return {last_key_, std::move(secret)};
}

void Worker::cancel(const CancelAsked& asked, Client& by) {
  cancel(asked, [this, asker = by.self()] {
    if (*asker != nullptr) gone(**asker);
  });
}

void Worker::cancel(const CancelAsked& asked, std::function<void()> told) {
  auto* client = client_of(asked);
  if (client == nullptr && others_ != nullptr && others_->any())
    return others_->cancel(asked, std::move(told));
  if (client != nullptr && client->replication() != nullptr)
    return call_cancel(*client->replication(), nullptr, std::move(told));
  auto* server = client == nullptr ? nullptr : client->server();
  if (server != nullptr && !server->preparing())
    return call_cancel(*server, server, std::move(told));
  if (client != nullptr) client->cancelled();
  told();
}

// Whose key it is; nullptr when it is nobody's.
Client* Worker::client_of(const CancelAsked& asked) {
  const auto found = by_key_.find(asked.process_id);
  if (found == by_key_.end()) return nullptr;
  const auto& key = found->second->key().key;
  if (key.size() != asked.key.size() ||
      CRYPTO_memcmp(key.data(), asked.key.data(), key.size()) != 0)
    return nullptr;
  return found->second;
}

void Worker::cancel_at_end(const Server& server) {
  call_cancel(server, nullptr, [] {});
}

void Worker::call_cancel(const ServerLine& server, Server* waits, std::function<void()> told) {
  if (!server.cancel_key() || cancels_.size() >= kCancelsMost) return told();
  auto place = cancels_.insert(cancels_.end(),
                               std::make_unique<CancelCall>(*this, server, waits, std::move(told)));
  (*place)->place = place;
  if (!(*place)->connect()) (*place)->end(CancelCall::End::Arrived);  // nothing was sent
}

// In the next round: whoever calls is in the midst of its own.
void Worker::go_on_soon(Client& client) {
  post([self = client.self()] {
    if (*self != nullptr) (*self)->go_on();
  });
}

void Worker::gone(CancelCall& call) {
  auto owned = std::move(*call.place);
  cancels_.erase(call.place);
  loop_->retire(std::move(owned));
}

std::size_t Worker::replications() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      clients_, [](const auto& client) { return client->replication() != nullptr; }));
}

void Worker::forget(const Server& server) {
  for (const auto& call : cancels_) call->forget(server);
}

void Worker::end_clients(const Pool& pool) {
  std::vector<Client*> ended;
  for (const auto& client : clients_)
    if (client->pool() == &pool) ended.push_back(client.get());
  for (auto* client : ended) client->end();
}

void Worker::gone(Client& client) {
  client.forget();
  client.pass_door();
  loop_->close(client.stream());
  by_key_.erase(client.key().process_id);
  if (client.pool() != nullptr) --client.pool()->clients;
  auto owned = std::move(*client.place);
  clients_.erase(client.place);
  loop_->retire(std::move(owned));
}

}  // namespace pgkeel::gateway
