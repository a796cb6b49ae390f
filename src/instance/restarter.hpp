// What starts a server besides people and the guard: a container engine's restart policy, a Swarm
// service, a systemd unit. It is set so that it starts nothing before a server is ended that must
// not come back, and set back as it was afterwards; in between the guard keeps what it was, as the
// line of text this makes.
// Only values here; asking and setting is the instance's (Instance::restarter).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgkeel::instance {

struct Restarter {
  enum class Kind { None, Container, Service, Unit } kind = Kind::None;
  std::string name;     ///< the container's id, the service's, the unit's name
  std::string setting;  ///< "always", "on-failure:3"; "2" tasks; "startable", "masked"
  friend bool operator==(const Restarter&, const Restarter&) = default;
};

inline constexpr std::string_view kUnitStartable = "startable";
inline constexpr std::string_view kUnitMasked = "masked";

/// Set so that it starts nothing.
[[nodiscard]] Restarter held(Restarter restarter);
/// True for what starts nothing as it is.
[[nodiscard]] bool starts_nothing(const Restarter& restarter);
/// "restart policy of container c0ffee: always", "service shop-db: 2 tasks", "unit x: masked".
[[nodiscard]] std::string describe(const Restarter& restarter);

/// "container c0ffee always"; empty for None.
[[nodiscard]] std::string to_text(const Restarter& restarter);
/// What to_text() wrote; nothing for anything else.
[[nodiscard]] std::optional<Restarter> parse_restarter(std::string_view text);

}  // namespace pgkeel::instance
