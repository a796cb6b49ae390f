// See cells.hpp.
#include "bench/support/cells.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/check.hpp"

namespace pgkeel::bench {
namespace {

double judged(const Cell& cell) { return cell.peer ? cell.ours / cell.peer->value : cell.ours; }

bool has_target(const Cell& cell) { return cell.at_most || cell.at_least; }

std::string target_of(const Cell& cell) {
  const auto* const what = cell.peer ? "ratio" : "ours";
  return cell.at_most ? fmt::format("{} <= {:g}", what, *cell.at_most)
                      : fmt::format("{} >= {:g}", what, *cell.at_least);
}

bool holds(const Cell& cell) {
  return cell.at_most ? judged(cell) <= *cell.at_most : judged(cell) >= *cell.at_least;
}

double rounded(double value) { return std::round(value * 1000) / 1000; }

nlohmann::ordered_json to_object(const Cell& cell) {
  nlohmann::ordered_json object{
      {"name", cell.name}, {"unit", cell.unit}, {"ours", rounded(cell.ours)}};
  if (cell.peer) {
    object["peer"] = rounded(cell.peer->value);
    object["peer_name"] = cell.peer->name;
    object["ratio"] = rounded(judged(cell));
  }
  if (!has_target(cell)) return object;
  object["target"] = target_of(cell);
  object["holds"] = holds(cell);
  return object;
}

}  // namespace

double median(std::vector<double> values) {
  CHECK(!values.empty());
  std::ranges::sort(values);
  return values[(values.size() - 1) / 2];
}

std::string to_json(std::string_view bench, std::span<const Cell> cells) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& cell : cells) list.push_back(to_object(cell));
  const nlohmann::ordered_json result{
      {"bench", bench},
      {"machine", fmt::format("{} cores", ::sysconf(_SC_NPROCESSORS_ONLN))},
      {"cells", std::move(list)}};
  return result.dump();
}

std::string to_table(std::span<const Cell> cells) {
  std::string table;
  for (const auto& cell : cells) {
    const auto peer = cell.peer ? fmt::format("{} {:.3f}, ratio {:.3f}", cell.peer->name,
                                              cell.peer->value, judged(cell))
                                : std::string();
    const auto verdict = has_target(cell) ? fmt::format("  {}  {}", target_of(cell),
                                                        holds(cell) ? "holds" : "MISSED")
                                          : std::string();
    table += fmt::format("{:<62} {:>9.3f} {:<11} {}{}\n", cell.name, cell.ours, cell.unit, peer,
                         verdict);
  }
  return table;
}

int run_bench(std::string_view bench, std::span<char*> arguments,
              const std::function<std::vector<Cell>()>& measure) {
  const bool json = arguments.size() == 2 && std::string_view(arguments[1]) == "--json";
  if (arguments.size() > 1 && !json) {
    fmt::print(stderr, "usage: bench_{} [--json]\n", bench);
    return 2;
  }
  try {
    const auto cells = measure();
    fmt::print("{}", json ? to_json(bench, cells) + "\n" : to_table(cells));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench {}: {}\n", bench, error.what());
    return 1;
  }
}

}  // namespace pgkeel::bench
