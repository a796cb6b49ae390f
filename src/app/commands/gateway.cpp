// pgkeel gateway: what apps connect to, in the foreground.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/gateway/serving.hpp"
#include "base/log.hpp"
#include "gateway/relay/worker.hpp"

namespace pgkeel::app {
namespace {

// A client and its server are a descriptor each: as many as the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void forbid_core_dumps() {
  const rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);  // keys that open the server are in memory
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  configure_log(config.log.format, config.log.level);
  if (!config.gateway.listen)
    return fail(Error(ErrorCode::ConfigBadValue, "gateway.listen is off")
                    .with_hint("Set gateway.listen to an address such as 127.0.0.1:6543."));
  forbid_core_dumps();
  raise_descriptor_limit();
  TRY(settings, gateway_settings(config));
  gateway::Worker* worker = nullptr;
  TRY(source, verifier_source(config, [&worker](std::function<void()> call) {
        worker->post(std::move(call));
      }));
  TRY(made, gateway::Worker::create(settings, std::move(source)));
  worker = made.get();
  TRY(listener, listen_at(*config.gateway.listen));
  const runtime::Fd closes(listener);
  TRY_VOID(made->listen(listener, gateway::Client::Channel::Tcp));
  const StopOnSignal stop;
  const std::stop_callback on_stop(stop.token(), [worker] { worker->stop(); });
  log_info(
      "the gateway listens",
      {{"listen", fmt::format("{}:{}", config.gateway.listen->host, config.gateway.listen->port)},
       {"server", settings->server.text},
       {"loop", made->loop().name()},
       {"pool", settings->pool.sharing == gateway::Sharing::Session ? "session" : "transaction"},
       {"size", settings->pool.size}});
  TRY_VOID(made->run());
  return 0;
}

}  // namespace

CommandSpec gateway_command() {
  return {.name = "gateway",
          .summary = "run the gateway apps connect to, in the foreground",
          .details =
              "A pooler: many clients over gateway.size server connections of each database "
              "and user. Point an app's PostgreSQL URL at gateway.listen. Clients prove "
              "themselves with SCRAM as at the server; no password is stored. SIGTERM ends "
              "it.",
          .example = "pgkeel gateway --config /etc/pgkeel/pgkeel.toml",
          .run = run};
}

}  // namespace pgkeel::app
