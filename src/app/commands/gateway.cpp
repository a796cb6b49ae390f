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

// For good, and whatever is started from here on too.
Result<void> give_up_rights(const std::string& name) {
  if (name.empty() || !runtime::running_as_root()) return {};
  TRY(account, runtime::account_by_name(name));
  TRY_VOID(become(account));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(errno, "prctl");
  return {};
}

// Who connects elsewhere, or proves itself otherwise, is another gateway's: the guard starts it.
bool same_front(const GatewayOrders& one, const GatewayOrders& other) {
  return one.listen == other.listen && one.auth == other.auth && one.passwords == other.passwords;
}

// On the follower's thread.
void follow_orders(gateway::Worker& worker, const GatewayOrders& present, const GatewayOrders& next,
                   const pg::ScramKey& seed) {
  if (!same_front(present, next)) {
    log_warning("the guard wants another front: ending, so that it can start it");
    return worker.stop();
  }
  auto made = settings_of(next, seed);
  if (!made)
    return log_error("the guard's orders cannot be followed", {{"why", made.error().message()}});
  log_info("following the guard's orders", {{"server", (*made)->server.text}});
  worker.post([&worker, settings = std::move(*made)] { worker.follow(settings); });
}

Result<int> run_told(const Invocation& invocation, const std::filesystem::path& socket) {
  configure_log(LogFormat::Text, LogLevel::Info);
  // Beside the directory we were started in, which is all that is ours to read later.
  const auto lock = runtime::FileLock::acquire(std::filesystem::path("..") / kGatewayLockFile,
                                               fmt::format("pgkeel gateway (pid {})", ::getpid()));
  if (!lock) return fail(lock.error());
  const StopOnSignal stop;
  TRY(orders, first_orders(socket, stop.token()));
  const auto seed = fresh_mock_seed();
  TRY(settings, settings_of(orders, seed));
  GatewayParts parts;
  parts.ask = ask_guard(socket);
  parts.give_up_rights = [&] { return give_up_rights(invocation.value("--as").value_or("")); };
  parts.beside = [&](gateway::Worker& worker) -> std::shared_ptr<void> {
    GuardLink::Gateway link;
    link.changed = [&](const GatewayOrders& next) { follow_orders(worker, orders, next, seed); };
    link.ask_figures = [&worker](std::shared_ptr<Said> said) {
      worker.post([&worker, said = std::move(said)] { said->say(to_json(figures_of(worker))); });
    };
    return std::make_shared<GuardLink>(socket, orders, std::move(link));
  };
  return serve_gateway(orders, settings, parts, stop.token());
}

Result<int> run(const Invocation& invocation) {
  if (const auto socket = invocation.value("--told-by")) return run_told(invocation, *socket);
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
                       .help = "where a guard says what to do; no configuration is read then"},
                      {.names = "--as",
                       .value = "ACCOUNT",
                       .help = "with --told-by: whom to become once it listens"}},
          .run = run};
}

}  // namespace pgkeel::app
