// pgkeel logs: the end of the server's log, of the guard's own or the gateway's, and what follows.
#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"
#include "app/log_tail.hpp"
#include "app/look.hpp"

namespace pgkeel::app {
namespace {

constexpr auto kSources = std::to_array<std::string_view>({"postgres", "guard", "gateway"});
constexpr std::size_t kLines = 100;
constexpr std::size_t kLinesMax = 10'000;  // the guard gives no more
constexpr Millis kFollowEvery{500};

struct Wanted {
  std::string source;
  std::size_t lines = kLines;
};

Result<Wanted> read_wanted(const Invocation& invocation) {
  Wanted wanted{invocation.value("SOURCE").value_or("postgres")};
  if (!std::ranges::count(kSources, wanted.source))
    return fail(Error(ErrorCode::Usage, fmt::format("no log '{}'", wanted.source))
                    .with_hint("There are: postgres, guard, gateway."));
  if (const auto text = invocation.value("--lines")) {
    const auto* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, wanted.lines);
    if (error != std::errc{} || stop != end || wanted.lines < 1 || wanted.lines > kLinesMax)
      return fail(ErrorCode::Usage, fmt::format("-n '{}' is not a number from 1 to 10000", *text));
  }
  return wanted;
}

void print_lines(const std::vector<std::string>& lines, const Invocation& invocation) {
  for (const auto& line : lines) {
    if (invocation.global.json) fmt::print("{}", to_line(Json(line)));
    else fmt::print("{}\n", printable(line));
  }
  std::fflush(stdout);
}

Result<int> follow(const Invocation& invocation, const Config& config, const Wanted& wanted,
                   std::vector<std::string> seen) {
  while (std::ferror(stdout) == 0) {
    std::this_thread::sleep_for(kFollowEvery);
    TRY(now, read_log(config, wanted.source, std::max(wanted.lines, kLines)));
    print_lines(lines_after(seen, now), invocation);
    seen = std::move(now);
  }
  return 1;
}

Result<int> run(const Invocation& invocation) {
  TRY(wanted, read_wanted(invocation));
  TRY(config, invocation.load());
  TRY(lines, read_log(config, wanted.source, wanted.lines));
  if (invocation.global.json && !invocation.has("--follow")) {
    fmt::print("{}", to_line({{"source", wanted.source}, {"lines", lines}}));
    return 0;
  }
  print_lines(lines, invocation);
  if (!invocation.has("--follow")) return 0;
  return follow(invocation, config, wanted, std::move(lines));
}

}  // namespace

CommandSpec logs_command() {
  return {.name = "logs",
          .summary = "show the end of a log",
          .details = "With --json one object, or with -f one JSON string a line.",
          .example = "pgkeel logs postgres -n 50 -f",
          .options = {{.names = "-n,--lines", .value = "N", .help = "how many lines (100)"},
                      {.names = "-f,--follow", .help = "go on with what is written"}},
          .arguments = {{.names = "SOURCE", .help = "postgres (as without it), guard or gateway"}},
          .run = run};
}

}  // namespace pgkeel::app
