// ./dev bench guard: what the guard costs at rest and how soon it sees and heals, on a private
// PostgreSQL under a real guard process, and beside a container of a real engine where one can run
// (--container: only there). One JSON object with --json, else a table; progress goes to stderr.
// Exit 0 when the run was valid, whatever holds. Takes about five minutes, three of them at rest.
#include "bench/guard.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <iterator>
#include <string>

namespace pgkeel::bench {
namespace {

void append(Cells& cells, Cells more) {
  cells.insert(cells.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

enum class Places { All, Container };

Result<Cells> measure_private() {
  say("building the stage: a private PostgreSQL under guard");
  TRY(stage, app::Stage::build({.program = PGKEEL_PROGRAM, .environment = {}, .config = {}}));
  TRY(cells, measure_cost(*stage));
  TRY(speed, measure_speed(*stage));
  append(cells, std::move(speed));
  return std::move(cells);
}

Result<Cells> measure(Places places) {
  Cells cells;
  if (places == Places::All) {
    TRY(beside, measure_private());
    append(cells, std::move(beside));
  }
  TRY(contained, measure_container());
  append(cells, std::move(contained));
  return std::move(cells);
}

int run(Places places, bool json) {
  const auto cells = measure(places);
  if (!cells) {
    fmt::print(stderr, "bench guard: {}\n", cells.error().message());
    return 1;
  }
  fmt::print("{}", json ? to_json("guard", *cells) + "\n" : to_table(*cells));
  return 0;
}

}  // namespace

void say(std::string_view what) { fmt::print(stderr, "bench guard: {}\n", what); }

}  // namespace pgkeel::bench

int main(int argc, char** argv) {
  auto places = pgkeel::bench::Places::All;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--json") {
      json = true;
    } else if (word == "--container") {
      places = pgkeel::bench::Places::Container;
    } else {
      std::fputs("usage: bench_guard [--container] [--json]\n", stderr);
      return 2;
    }
  }
  return pgkeel::bench::run(places, json);
}
