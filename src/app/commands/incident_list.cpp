// pgkeel incident list: what happened, newest first.
#include <charconv>

#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/incident_source.hpp"
#include "app/render.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kListed = 20;       // a screen
constexpr std::size_t kListedMax = 1000;  // as many as the journal keeps

Result<std::size_t> read_count(const Invocation& invocation) {
  const auto text = invocation.value("--lines");
  if (!text) return kListed;
  std::size_t count = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error != std::errc{} || stop != text->data() + text->size() || count < 1 ||
      count > kListedMax)
    return fail(ErrorCode::Usage, fmt::format("-n '{}' is not a number from 1 to 1000", *text));
  return count;
}

Result<int> run(const Invocation& invocation) {
  TRY(count, read_count(invocation));
  TRY(config, invocation.load());
  TRY(incidents, list_incidents(config, count));
  if (invocation.global.json) fmt::print("{}", to_line({{"incidents", incidents}}));
  else fmt::print("{}", render_incident_list(incidents, invocation.look, wall_now()));
  return 0;
}

}  // namespace

CommandSpec incident_list_command() {
  return {.name = "incident list",
          .summary = "list incidents, newest first",
          .details = "Works without a running guard too, from its journal.",
          .example = "pgkeel incident list -n 5",
          .options = {{.names = "-n,--lines", .value = "N", .help = "at most so many (20)"}},
          .run = run};
}

}  // namespace pgkeel::app
