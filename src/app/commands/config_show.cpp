// pgkeel config show: every key, its value, where it came from.
#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/render.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(loaded, load_config(invocation.sources()));
  if (invocation.global.json) fmt::print("{}", to_line(settings_json(loaded)));
  else fmt::print("{}", render_settings(loaded, invocation.look));
  return 0;
}

}  // namespace

CommandSpec config_show_command() {
  return {.name = "config show",
          .summary = "show every key, its value and where it came from; passwords masked",
          .example = "pgkeel config show --json",
          .run = run};
}

}  // namespace pgkeel::app
