// Names of the states and the two questions asked of a Status more than once.
#include "serve/status.hpp"

#include <algorithm>

namespace pgkeel::serve {

std::string_view to_string(ServiceState state) {
  switch (state) {
    case ServiceState::Starting: return "starting";
    case ServiceState::Up: return "up";
    case ServiceState::Degraded: return "degraded";
    case ServiceState::Down: return "down";
    case ServiceState::Recovering: return "recovering";
    case ServiceState::Paused: return "paused";
    case ServiceState::IntendedStop: return "intended_stop";
    case ServiceState::WaitingForHuman: return "waiting_for_human";
  }
  return "unknown";
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::Unknown: return "unknown";
    case Role::Primary: return "primary";
    case Role::Standby: return "standby";
  }
  return "unknown";
}

const Probe* Status::probe(std::string_view name) const {
  const auto found = std::ranges::find(probes, name, &Probe::name);
  return found == probes.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> Status::size_bytes() const {
  std::optional<std::uint64_t> sum;
  for (const auto& database : databases)
    if (database.size_bytes) sum = sum.value_or(0) + *database.size_bytes;
  return sum;
}

}  // namespace pgkeel::serve
