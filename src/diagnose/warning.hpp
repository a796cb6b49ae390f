// What is not broken yet: settings around the server that lose databases sooner or later, and
// probes that fail by design. Pure; shown by status, never acted on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "diagnose/known.hpp"
#include "instance/instance.hpp"
#include "pg/log_line.hpp"
#include "sense/observation.hpp"

namespace pgkeel::diagnose {

struct Warning {
  std::string_view name;  ///< stable: "anonymous_volume"
  std::string text;       ///< one sentence with the facts in it
  std::string hint;       ///< what to change
  friend bool operator==(const Warning&, const Warning&) = default;
};

/// What the host around a container was found to hold.
struct HostSurroundings {
  bool data_on_root_filesystem = false;
  bool engine_starts_on_boot = true;
  std::vector<std::string> prunes;  ///< "/etc/cron.daily/tidy: docker system prune --volumes -f"
};

/// How a container loses its database although it runs well today.
[[nodiscard]] std::vector<Warning> hosting_warnings(const instance::HostingFacts& hosting,
                                                    const HostSurroundings& surroundings);

/// A login that fails again and again at one period as a role or to a database that does not exist:
/// a health check with the wrong name. Needs kProbeTimesMin lines.
[[nodiscard]] std::vector<Warning> wrong_probes(const std::vector<pg::LogLine>& lines);
inline constexpr std::size_t kProbeTimesMin = 5;

/// Databases whose text indexes were built by other sorting rules than the server has now: an image
/// or a host with another libc or ICU.
[[nodiscard]] std::vector<Warning> libc_changed(const sense::Observation& seen, const Known& known,
                                                const std::vector<pg::LogLine>& lines);
/// The certificate the server shows its clients ends within 30 days, within 7, or has ended.
[[nodiscard]] std::vector<Warning> certificate_ends(const std::string& file, WallTime ends,
                                                    WallTime now);

/// The running server was asked, and no database stands on other rules than it has.
[[nodiscard]] bool collations_hold(const sense::Observation& seen, const Known& known);

}  // namespace pgkeel::diagnose
