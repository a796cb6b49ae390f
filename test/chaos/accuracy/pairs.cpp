// See pairs.hpp.
#include "chaos/accuracy/pairs.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>

#include "chaos/accuracy/memory_group.hpp"

namespace pgkeel::chaos {
namespace {

bool takes_server(const Injector& injector) { return injector.leaves == Leaves::ServerDown; }

// A lock file and a configuration are both read while the server is down.
bool both_seen_on_dead_server(const Injector& one, const Injector& other) {
  const auto is = [&](std::string_view a, std::string_view b) {
    return one.fault == a && other.fault == b;
  };
  return is("stale_pid", "config_broken") || is("config_broken", "stale_pid");
}

// The vacuum that a server near the end of its transaction ids begins by itself reads a damaged
// page before anybody else, and its worker may be the one the kernel ends.
bool met_by_vacuum(const Injector& one, const Injector& other) {
  constexpr auto kMet =
      std::to_array<std::string_view>({"heap_corrupted", "index_corrupted", "oom_killed"});
  const auto is_met = [&](const Injector& injector) {
    return std::ranges::find(kMet, injector.fault) != kMet.end();
  };
  return (one.fault == "wraparound_near" && is_met(other)) ||
         (other.fault == "wraparound_near" && is_met(one));
}

}  // namespace

bool can_meet(const Injector& one, const Injector& other) {
  if (one.fault == other.fault || met_by_vacuum(one, other)) return false;
  if (takes_server(one) && takes_server(other)) return both_seen_on_dead_server(one, other);
  const bool storm = one.leaves == Leaves::NoConnections || other.leaves == Leaves::NoConnections;
  return !storm || (!takes_server(one) && !takes_server(other));
}

std::vector<FaultPair> draw_pairs(std::uint64_t seed, std::size_t count) {
  std::vector<FaultPair> pairs;
  const auto all = injectors();
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j)
      if (unable(all[i]).empty() && unable(all[j]).empty() && can_meet(all[i], all[j]))
        pairs.emplace_back(&all[i], &all[j]);
  std::mt19937_64 random(seed);  // its sequence is the standard's, the same everywhere
  for (std::size_t i = pairs.size(); i > 1; --i) std::swap(pairs[i - 1], pairs[random() % i]);
  pairs.resize(std::min(pairs.size(), count));
  return pairs;
}

std::string unable(const Injector& injector) {
  switch (injector.needs) {
    case Needs::Nothing: return {};
    case Needs::Mounts: return ::geteuid() == 0 ? "" : "needs root and mount namespaces";
    case Needs::MemoryLimit: return MemoryGroup::unable();
    case Needs::Gateway: return "not applicable yet: there is no gateway";
  }
  return {};
}

}  // namespace pgkeel::chaos
