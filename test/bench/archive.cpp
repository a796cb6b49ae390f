// ./dev bench archive: backups, restores and receiving WAL, side by side in one run with pgBackRest
// and pg_basebackup: two processes each, zstd level 3, a database of 2 GiB of which a quarter does
// not compress. One JSON object with --json, else a table; progress goes to stderr. Exit 0 when the
// run was valid, whatever holds. --scale 0.05 makes a smoke run; PGKEEL_TEST_TMP says where the
// stage stands (a real disk, some 12 GiB at scale 1; /var/tmp).
#include "bench/archive.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <iterator>
#include <optional>
#include <string>

namespace pgkeel::bench {
namespace {

enum class Part { Both, Copies, Receiving };

struct Invocation {
  bool json = false;
  Part part = Part::Both;
  ArchiveBenchOptions options;
};

std::optional<Invocation> parse(int argc, char** argv) {
  Invocation invocation;
  for (int at = 1; at < argc; ++at) {
    const std::string word = argv[at];
    const bool valued = at + 1 < argc;
    if (word == "--json") invocation.json = true;
    else if (word == "--scale" && valued) invocation.options.scale = std::atof(argv[++at]);
    else if (word == "--rounds" && valued) invocation.options.rounds = std::atoi(argv[++at]);
    else if (word == "--copies") invocation.part = Part::Copies;
    else if (word == "--receiving") invocation.part = Part::Receiving;
    else return std::nullopt;
  }
  if (!(invocation.options.scale > 0) || invocation.options.rounds < 1) return std::nullopt;
  return invocation;
}

int run(const Invocation& invocation) {
  ::setenv("PGKEEL_TEST_TMP", "/var/tmp", 0);
  ArchiveStage stage(invocation.options);
  Cells cells;
  Cells more;
  if (invocation.part != Part::Receiving) cells = measure_copies(stage);
  if (invocation.part != Part::Copies) more = measure_receiving(stage);
  cells.insert(cells.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  fmt::print("{}", invocation.json ? to_json("archive", cells) + "\n" : to_table(cells));
  return 0;
}

}  // namespace

void say(std::string_view what) { fmt::print(stderr, "bench archive: {}\n", what); }

}  // namespace pgkeel::bench

int main(int argc, char** argv) {
  const auto invocation = pgkeel::bench::parse(argc, argv);
  if (!invocation) {
    std::fputs(
        "usage: bench_archive [--json] [--scale FACTOR] [--rounds N] [--copies | --receiving]\n",
        stderr);
    return 2;
  }
  try {
    return pgkeel::bench::run(*invocation);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench archive: {}\n", error.what());
    return 1;
  }
}
