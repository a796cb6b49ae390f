// See pool.hpp.
#include "gateway/relay/pool.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "gateway/relay/client.hpp"
#include "gateway/relay/server.hpp"
#include "gateway/relay/worker.hpp"

namespace pgkeel::gateway {
namespace {

constexpr std::size_t kRampMost =
    16;  // opening at once: more only makes the server's own queue longer
constexpr Millis kBackoffFirst{50};  // a server that restarts is asked again soon
constexpr Millis kBackoffMost{1000};
// A server that was used so lately is given on without a look at its socket: its end would be in
// the same round, where the loop knows of it.
constexpr Millis kLookedAfter{10};

// What another try will not mend, so that whoever waits is told at once.
bool will_not_pass(const Refusal& why) {
  const auto is_class = [&](std::string_view prefix) { return why.sqlstate.starts_with(prefix); };
  return is_class("28") || is_class("3D") || is_class("42") || is_class("22") || is_class("0A") ||
         is_class("08P") || is_class("08001");
}

}  // namespace

// The last of a name counts, and the order of names does not.
PoolKey pool_key_of(const ClientRequest& request) {
  std::map<std::string, std::string> settings;
  for (const auto& setting : request.settings) {
    auto name = setting.name;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name != kApplicationName) settings[name] = setting.value;
  }
  return {request.database, request.user, {settings.begin(), settings.end()}};
}

Pool::Pool(Worker& worker, PoolKey key) : worker_(worker), key_(std::move(key)) {}
Pool::~Pool() = default;

bool Pool::paused() const { return worker_.pauses().databases().has(key_.database); }

Server* Pool::take(Client& client) {
  if (!waiting_.empty() || idle_.empty()) return nullptr;
  auto* server = take_idle(client);
  if (server != nullptr) server->attach(client);
  return server;
}

// One that has ended, and whose end the loop has not come to yet, would cost the client its query.
// nullptr: all had.
Server* Pool::take_idle(const Client& client) {
  while (!idle_.empty()) {
    auto* server = next_idle(client);
    const bool looked = worker_.now() - server->since() > kLookedAfter;
    // Whose next bytes are the rest of what nobody was told is nobody's.
    const bool ended = server->stream().hung_up() || (looked && server->has_ended());
    if (!server->session().mid_message() && !ended) return server;
    server->close();
  }
  return nullptr;
}

// There is one.
Server* Pool::next_idle(const Client& client) {
  auto at = std::ranges::find_if(idle_.rbegin(), idle_.rend(), [&](const Server* server) {
    return server->settings() == client.settings();
  });
  if (at == idle_.rend()) at = idle_.rbegin();
  auto* server = *at;
  idle_.erase(std::next(at).base());
  return server;
}

void Pool::enqueue(Client& client) {
  client.queued = waiting_.insert(waiting_.end(), &client);
  open_some(worker_.now());
}

void Pool::leave_queue(Client& client) { waiting_.erase(client.queued); }

void Pool::put_back(Server& server) {
  const auto& settings = worker_.settings().pool;
  if (worker_.now() - server.born() > settings.server_lifetime || server.born() <= older_goes_ ||
      paused() || (worker_.draining() && servers() > clients))
    return server.close();
  server.set_since(worker_.now());
  if (server.settings().empty() && parameters_ != server.reported())
    parameters_ = server.reported();
  idle_.push_back(&server);
  serve_waiting();
}

// Whoever is served may give its server back at once: the outermost goes on with it.
void Pool::serve_waiting() {
  if (std::exchange(serving_, true)) return;
  while (serve_first());
  serving_ = false;
}

bool Pool::serve_first() {
  if (waiting_.empty()) return false;
  auto* client = waiting_.front();
  if (client->logging_in()) {
    if (!parameters_) return false;
    waiting_.pop_front();
    client->greet(parameters_);
    return true;
  }
  auto* server = take_idle(*client);
  if (server == nullptr) return false;
  waiting_.pop_front();
  server->attach(*client);
  client->attached(*server);
  return true;
}

void Pool::opened(Server& server) {
  --opening_;
  opening_servers_.erase(&server);
  parameters_ = server.reported();
  ramp_ = std::min(ramp_ * 2, kRampMost);
  backoff_ = Millis{0};
  last_failure_.reset();
  put_back(server);
  open_some(worker_.now());
}

void Pool::lost(Server& server, const std::optional<Refusal>& why) {
  const bool was_opening = opening_servers_.erase(&server) > 0;
  std::erase(idle_, &server);
  auto owned = std::move(*server.place);
  servers_.erase(server.place);
  worker_.loop().retire(std::move(owned));
  if (was_opening) failed(why, worker_.now());
  else worker_.room_made(*this);
  worker_.pauses().server_gone();
}

void Pool::failed(const std::optional<Refusal>& why, SteadyTime now) {
  --opening_;
  ramp_ = 1;
  backoff_ = std::clamp(backoff_ * 2, kBackoffFirst, kBackoffMost);
  not_before_ = now + backoff_;
  worker_.wake_at(not_before_);
  last_failure_ = why.value_or(Refusal{"08006", "the server closed the connection unexpectedly"});
  if (!why || !will_not_pass(*why)) return;
  const auto told = std::exchange(waiting_, {});
  for (auto* client : told) client->refuse(*why);
}

void Pool::open_some(SteadyTime now) {
  if (paused()) return;
  while (now >= not_before_ && opening_ < ramp_ && waiting_.size() > opening_ &&
         worker_.has_room(*this)) {
    auto place = servers_.insert(servers_.end(), std::make_unique<Server>(worker_, *this));
    (*place)->place = place;
    opening_servers_.insert(place->get());
    ++opening_;
    if (const auto begun = (*place)->connect(); !begun)
      lost(**place, Refusal{"08006", begun.error().message()});
  }
}

void Pool::tend(SteadyTime now) {
  std::vector<Server*> silent;
  for (const auto& server : servers_)
    if (!server->ready() && now - server->born() > worker_.settings().connect_most)
      silent.push_back(server.get());
  for (auto* server : silent) server->give_up();
  const auto& settings = worker_.settings().pool;
  const auto idle = idle_;  // closing takes them off
  for (auto* server : idle)
    if (now - server->since() > settings.server_idle ||
        now - server->born() > settings.server_lifetime)
      server->close();
  open_some(now);
}

bool Pool::close_oldest_idle() {
  if (idle_.empty()) return false;
  idle_.front()->close();
  return true;
}

void Pool::replace_all() {
  older_goes_ = worker_.now();
  close_idle();
}

void Pool::close_idle() {
  const auto idle = idle_;
  for (auto* server : idle) server->close();
}

std::chrono::microseconds Pool::longest_wait(SteadyTime now) const {
  if (waiting_.empty()) return {};
  return std::chrono::duration_cast<std::chrono::microseconds>(now -
                                                               waiting_.front()->waits_since());
}

}  // namespace pgkeel::gateway
