// pgkeel gateway: what apps connect to. By itself in the foreground, or told by the guard.
#include <sys/prctl.h>
#include <unistd.h>

#include <thread>

#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/gateway/figures.hpp"
#include "app/gateway/guard_link.hpp"
#include "app/gateway/serving.hpp"
#include "app/gateway/verifier_asker.hpp"
#include "base/log.hpp"

namespace pgkeel::app {
namespace {

constexpr Millis kLookUpEvery{500};
// Of one that is to take over: the guard that started it may have died, and the next one know
// nothing of it.
constexpr Millis kHeirPatience{60'000};

// The asking thread's: nobody else may use its loop.
gateway::AskedVerifiers::Ask ask_server(ServerTarget target) {
  struct Asking {
    runtime::Loop loop;
    VerifierAsker asker{loop};
  };
  return [asking = std::make_shared<Asking>(),
          target = std::move(target)](const std::string& user) -> gateway::StoredVerifier {
    TRY(text, asking->loop.run_until_complete(asking->asker.ask(target, user)));
    if (!text) return std::nullopt;
    auto stored = gateway::parse_stored_password(*text);
    if (!stored) return std::nullopt;
    return std::move(*stored);
  };
}

Result<int> run_alone(const Invocation& invocation) {
  TRY(config, invocation.load());
  configure_log(config.log.format, config.log.level);
  TRY(target, find_server_target(config));
  TRY(orders, orders_of(config, target.conninfo));
  TRY(settings, settings_of(orders, fresh_mock_seed()));
  const StopOnSignal stop;
  return serve_gateway(orders, settings, {.ask = ask_server(std::move(target))}, stop.token());
}

Result<void> give_up_rights(const std::string& name) {
  if (!runtime::running_as_root()) return {};
  TRY(account, runtime::account_by_name(name));
  return become(account);
}

// Who connects elsewhere, or proves itself otherwise, is another gateway's: the guard starts it.
bool same_front(const GatewayOrders& one, const GatewayOrders& other) {
  return one.listen == other.listen && one.socket_dir == other.socket_dir &&
         one.auth == other.auth && one.passwords == other.passwords && one.account == other.account;
}

/// What the guard wants of a worker that runs; on the thread of the line to it.
class Following {
 public:
  Following(gateway::Worker& worker, GatewayOrders orders, const gateway::Settings& settings)
      : worker_(worker), orders_(std::move(orders)), server_(settings.server) {
    seed_ = settings.terms.mock_seed;
  }

  void take(const GatewayOrders& next) {
    if (!worker_.draining() && !same_front(orders_, next)) {
      log_warning("the guard wants another front: ending, so that it can start it");
      return worker_.stop();
    }
    orders_ = next;
    auto made = settings_of(next, seed_);
    if (!made)
      return log_error("the guard's orders cannot be followed", {{"why", made.error().message()}});
    follow(std::move(*made));
  }
  // A container that was made anew has its name, and another address.
  void look_again() {
    const auto server = server_address(orders_);
    if (!server || *server == server_) return;
    if (auto made = settings_of(orders_, seed_)) follow(std::move(*made));
  }

 private:
  void follow(std::shared_ptr<const gateway::Settings> settings) {
    log_info("following the guard's orders", {{"server", settings->server.text}});
    server_ = settings->server;
    worker_.post([&worker = worker_, settings = std::move(settings)] { worker.follow(settings); });
  }

  gateway::Worker& worker_;
  GatewayOrders orders_;
  gateway::SocketAddress server_;
  pg::ScramKey seed_;
};

GuardLink::Gateway link_of(gateway::Worker& worker, const GatewayOrders& orders,
                           const gateway::Settings& settings) {
  auto following = std::make_shared<Following>(worker, orders, settings);
  return {.changed = [following](const GatewayOrders& next) { following->take(next); },
          .ended =
              [&worker] {
                log_warning("the guard wants no gateway: ending");
                worker.stop();
              },
          .look_again = [following] { following->look_again(); },
          .leaving = [&worker] { return worker.draining(); },
          .ask_figures =
              [&worker](std::shared_ptr<Said> said) {
                worker.post(
                    [&worker, said = std::move(said)] { said->say(to_json(figures_of(worker))); });
              }};
}

// A server whose name is not known yet is one that is not there yet.
Result<std::shared_ptr<const gateway::Settings>> first_settings(const GatewayOrders& orders,
                                                                const std::stop_token& stop) {
  const auto seed = fresh_mock_seed();
  while (true) {
    auto made = settings_of(orders, seed);
    if (made || made.error().code != ErrorCode::ConnectionFailed || stop.stop_requested())
      return made;
    log_warning("the server's address is not known yet", {{"why", made.error().message()}});
    std::this_thread::sleep_for(kLookUpEvery);
  }
}

Result<int> run_told(const std::filesystem::path& socket) {
  configure_log(LogFormat::Text, LogLevel::Info);
  // Before there is another thread: whatever is started from here on has no more rights than we.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(errno, "prctl");
  // Beside the directory we were started in, which is all that is ours to read later.
  const auto lock_file = std::filesystem::path("..") / kGatewayLockFile;
  auto lock = runtime::FileLock::acquire(lock_file, gateway_lock_note());
  const StopOnSignal stop;
  const auto patience = lock ? std::nullopt : std::optional(kHeirPatience);
  TRY(orders, first_orders(socket, patience, stop.token()));
  TRY(settings, first_settings(orders, stop.token()));
  GatewayParts parts;
  parts.takeover = GatewayParts::Takeover::Yes;
  if (lock) {
    parts.lock = std::move(*lock);
  } else {
    TRY(taken, take_over(lock_file, places_of(orders)));
    parts.taken.emplace(std::move(taken));
  }
  parts.ask = ask_guard(socket);
  parts.give_up_rights = [&] { return give_up_rights(orders.account); };
  parts.beside = [&](gateway::Worker& worker) -> std::shared_ptr<void> {
    return std::make_shared<GuardLink>(socket, orders, link_of(worker, orders, *settings));
  };
  return serve_gateway(orders, settings, std::move(parts), stop.token());
}

Result<int> run(const Invocation& invocation) {
  if (const auto socket = invocation.value("--told-by")) return run_told(*socket);
  return run_alone(invocation);
}

}  // namespace

CommandSpec gateway_command() {
  return {.name = "gateway",
          .summary = "run the gateway apps connect to, in the foreground",
          .details =
              "A pooler: many clients over gateway.size server connections of each database "
              "and user. Point an app's PostgreSQL URL at gateway.listen. Clients prove "
              "themselves with SCRAM as at the server; no password is stored. The guard starts "
              "one by itself; SIGTERM ends it.",
          .example = "pgkeel gateway --config /etc/pgkeel/pgkeel.toml",
          .options = {{.names = "--told-by",
                       .value = "SOCKET",
                       .help = "where a guard says what to do; no configuration is read then"}},
          .run = run};
}

}  // namespace pgkeel::app
