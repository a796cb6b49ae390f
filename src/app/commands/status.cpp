// pgkeel status: one screen. While no guard runs it shows what the ledger last knew and still fails
// with exit code 5, so that no script takes old news for health.
#include <thread>

#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"
#include "app/last_known.hpp"
#include "app/render.hpp"
#include "app/report_error.hpp"

namespace pgkeel::app {
namespace {

// As often as a login is tried while in doubt; more tells nobody anything.
constexpr Millis kRedrawEvery{1'000};
constexpr std::string_view kClearScreen = "\033[H\033[2J";

int show_without_guard(const Invocation& invocation, const Config& config, const Error& error) {
  const auto known = read_last_known(config);
  if (invocation.global.json) {
    fmt::print("{}", to_line({{"guard", nullptr},
                              {"last_known", known ? *known : Json()},
                              {"error", *parse_json(error_json(error))}}));
    return error.exit_number();
  }
  if (known) fmt::print("{}", render_last_known(*known, invocation.look, wall_now()));
  return report_error(error, ErrorForm::Text);
}

Result<int> show_once(const Invocation& invocation, const Config& config) {
  auto status = GuardClient(config).get("/api/v1/status");
  if (!status && status.error().code == ErrorCode::GuardNotRunning)
    return show_without_guard(invocation, config, status.error());
  if (!status) return fail(std::move(status).error());
  if (invocation.global.json) fmt::print("{}", to_line(*status));
  else fmt::print("{}", render_status(*status, invocation.look, wall_now()));
  return 0;
}

// Until the reader ends it; a guard that goes away and comes back is part of what is watched.
int watch(const Invocation& invocation, const Config& config) {
  while (std::ferror(stdout) == 0) {
    if (invocation.look.terminal && !invocation.global.json) fmt::print("{}", kClearScreen);
    const auto shown = show_once(invocation, config);
    if (!shown) {
      report_error(shown.error(), invocation.global.json ? ErrorForm::Json : ErrorForm::Text);
    }
    std::fflush(stdout);
    std::this_thread::sleep_for(kRedrawEvery);
  }
  return 1;
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  return invocation.has("--watch") ? watch(invocation, config) : show_once(invocation, config);
}

}  // namespace

CommandSpec status_command() {
  return {.name = "status",
          .summary = "is it up, since when, what protects it, how far could I lose, what is wrong",
          .details =
              "Exit code 0 when the guard answered, whatever it says of the database (see "
              "/health for that); 5 when no guard runs, after showing what it last knew.",
          .example = "pgkeel status --watch",
          .options = {{.names = "--watch", .help = "show it again every second until Ctrl-C"}},
          .run = run};
}

}  // namespace pgkeel::app
