// chaos_accuracy: injects the faults of the contract, under a guard that only advises, and says
// which were named right (./dev chaos --all --advise), or under one that acts, and says what became
// of each
// (./dev chaos --all). --quick is what the tests run. Exit code 0 when what was asked for holds, 1
// when it does not, 2 for a wrong argument.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <ranges>
#include <sstream>

#include "base/log.hpp"
#include "chaos/accuracy/interruption.hpp"
#include "chaos/accuracy/pairs.hpp"
#include "chaos/accuracy/repair_run.hpp"
#include "chaos/accuracy/run.hpp"

namespace pgkeel::chaos {
namespace {

constexpr std::size_t kPairsUsual = 30;
constexpr std::uint64_t kSeed = 1;
constexpr const char* kPage = "docs/reference/faults.md";
constexpr std::string_view kSecondHalf = "# What becomes of each fault\n";

constexpr const char* kUsage =
    "usage: ./dev chaos --all [--pairs N] [--seed N] [--advise] [--json]\n"
    "       ./dev chaos --fault NAME[+NAME]... [--advise] [--json]\n"
    "       ./dev chaos --quick [--advise]\n"
    "Injects faults into servers under a guard that acts, and says what became of each; with\n"
    "--advise under one that only advises, and says which it names right.\n";

struct Arguments {
  bool all = false;
  bool quick = false;
  bool advise = false;
  bool json = false;
  std::vector<std::vector<const Injector*>> faults;
  std::optional<std::size_t> pairs;
  std::uint64_t seed = kSeed;
};

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const auto* end = text.data() + text.size();
  return std::from_chars(text.data(), end, into).ptr == end && !text.empty();
}

// "table_dropped", or "table_dropped+port_taken": at once; null for one that is not known.
std::vector<const Injector*> injectors_named(std::string_view names) {
  std::vector<const Injector*> found;
  for (const auto name : std::views::split(names, '+'))
    found.push_back(injector_named(std::string_view(name)));
  return found;
}

bool read_value(std::string_view name, std::string_view value, Arguments& into) {
  if (name == "--fault") {
    into.faults.push_back(injectors_named(value));
    return std::ranges::count(into.faults.back(), nullptr) == 0;
  }
  if (name == "--seed") return read_number(value, into.seed);
  if (name == "--pairs") return read_number(value, into.pairs.emplace());
  return false;
}

std::optional<Arguments> read_arguments(std::span<char*> words) {
  Arguments read;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--all") read.all = true;
    else if (word == "--quick") read.quick = true;
    else if (word == "--json") read.json = true;
    else if (word == "--advise") read.advise = true;
    else if (i + 1 == words.size() || !read_value(word, words[i + 1], read)) return std::nullopt;
    else ++i;
  }
  if (!read.all && !read.quick && read.faults.empty() && !read.pairs) return std::nullopt;
  return read;
}

// A subset that touches every way of injecting, in a few seconds. It may run on a machine that is
// busy with other tests: then what is named counts, and not when.
RunOptions quick() {
  constexpr auto kSingles = std::to_array<std::string_view>(
      {"server_killed", "config_broken", "table_dropped", "index_corrupted", "archive_failing"});
  constexpr auto kPairs = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{"database_dropped", "stale_pid"}, {"heap_corrupted", "connection_storm"}});
  RunOptions options;
  options.patience = {Seconds(60), Seconds(60)};
  for (const auto name : kSingles) options.singles.push_back(injector_named(name));
  for (const auto& [one, other] : kPairs)
    options.pairs.push_back({injector_named(one), injector_named(other)});
  return options;
}

// As quick(), of the repair: one the guard mends, one a person does by what the incident tells.
RunOptions quick_repairs() {
  RunOptions options;
  for (const auto* name : {"control_file_lost", "table_truncated", "schema_dropped"})
    options.singles.push_back(injector_named(name));
  options.pairs.push_back({injector_named("table_dropped"), injector_named("port_taken")});
  return options;
}

RunOptions options_of(const Arguments& arguments) {
  if (arguments.quick) return arguments.advise ? quick() : quick_repairs();
  RunOptions options;
  options.seed = arguments.seed;
  if (arguments.all)
    for (const auto& injector : injectors()) options.singles.push_back(&injector);
  options.changes = arguments.advise;
  for (const auto& at_once : arguments.faults) {
    if (at_once.size() == 1) options.singles.push_back(at_once.front());
    else options.pairs.push_back(at_once);
  }
  const auto pairs = arguments.pairs.value_or(arguments.all ? kPairsUsual : 0);
  for (const auto& [one, other] : draw_pairs(arguments.seed, pairs))
    options.pairs.push_back({one, other});
  return options;
}

// The page has two halves, each made by a run of its own; the other one stays as it is.
void write_page(const Arguments& arguments, const std::string& half) {
  if (std::getenv("PGKEEL_UPDATE_DOCS") == nullptr || !arguments.all) return;
  std::ostringstream read;
  read << std::ifstream(kPage).rdbuf();
  auto text = read.str();
  const auto begins = std::min(text.find(kSecondHalf), text.size());
  const auto first = arguments.advise ? half : text.substr(0, begins);
  const auto second = arguments.advise ? text.substr(begins) : half;
  std::ofstream(kPage) << first << (first.ends_with("\n\n") ? "" : "\n") << second;
}

int advise(const Arguments& arguments) {
  const auto result = run_trials(options_of(arguments));
  if (arguments.json) fmt::print("{}", to_json(result));
  write_page(arguments, to_page(result));
  const bool good = arguments.quick ? result.all_right() : result.holds();
  return good ? 0 : 1;
}

int act(const Arguments& arguments) {
  const auto result = run_repairs(options_of(arguments));
  if (arguments.json) fmt::print("{}", to_json(result));
  write_page(arguments, to_page(result));
  return result.holds() ? 0 : 1;
}

}  // namespace
}  // namespace pgkeel::chaos

int main(int argc, char** argv) {
  using namespace pgkeel::chaos;
  const auto arguments = read_arguments(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (!arguments) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  static_cast<void>(own_mounts());  // what needs them says so when it cannot
  take_interruptions();
  try {
    return arguments->advise ? advise(*arguments) : act(*arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "chaos: {}\n", error.what());
    return 1;
  }
}
