// ./dev bench guard: what the guard costs at rest and how soon it sees and heals, on a private
// PostgreSQL under a real guard process. One JSON object with --json, else a table; progress goes
// to stderr. Exit 0 when the run was valid, whatever holds. Takes about three minutes, two of them
// at rest.
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

Result<Cells> measure() {
  say("building the stage: a private PostgreSQL under guard");
  TRY(stage, app::Stage::build({.program = PGKEEL_PROGRAM, .environment = {}, .config = {}}));
  TRY(cells, measure_cost(*stage));
  TRY(speed, measure_speed(*stage));
  append(cells, std::move(speed));
  return std::move(cells);
}

int run(bool json) {
  const auto cells = measure();
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
  const std::string word = argc > 1 ? argv[1] : "";
  if (argc > 2 || (!word.empty() && word != "--json")) {
    std::fputs("usage: bench_guard [--json]\n", stderr);
    return 2;
  }
  return pgkeel::bench::run(word == "--json");
}
