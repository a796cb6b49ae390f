// See warning.hpp. A person who mistypes a name does it at no period; a health check does.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "diagnose/warning.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr Seconds kPeriodMax{600};
constexpr int kJitterShare = 5;  // a fifth of the period either way
constexpr Millis kJitterMin{500};

bool names_nothing(const pg::LogLine& line) {
  const std::string_view message = line.message;
  const bool subject = message.starts_with("role \"") || message.starts_with("database \"");
  return line.severity == pg::LogSeverity::Fatal && line.at && subject &&
         message.ends_with("does not exist");
}

// The period when all gaps are alike; none otherwise.
std::optional<Millis> period_of(const std::vector<WallTime>& times) {
  std::vector<Millis> gaps;
  for (std::size_t i = 1; i < times.size(); ++i)
    gaps.push_back(std::chrono::duration_cast<Millis>(times.at(i) - times.at(i - 1)));
  auto sorted = gaps;
  std::ranges::sort(sorted);
  const auto middle = sorted.at(sorted.size() / 2);
  const auto jitter = std::max(middle / kJitterShare, kJitterMin);
  const bool alike = std::ranges::all_of(
      gaps, [&](Millis gap) { return gap >= middle - jitter && gap <= middle + jitter; });
  if (!alike || middle < kJitterMin || middle > kPeriodMax) return std::nullopt;
  return middle;
}

std::string corrected(std::string_view message) {
  return message.starts_with("role")
             ? "Name a role that exists: test: [\"CMD-SHELL\", \"pg_isready -U postgres\"]"
             : "Name a database that exists: test: [\"CMD-SHELL\", \"pg_isready -U postgres -d "
               "postgres\"]";
}

}  // namespace

std::vector<Warning> wrong_probes(const std::vector<pg::LogLine>& lines) {
  std::map<std::string, std::vector<WallTime>> times;
  for (const auto& line : lines)
    if (names_nothing(line)) times[line.message].push_back(*line.at);
  std::vector<Warning> warnings;
  for (const auto& [message, at] : times) {
    if (at.size() < kProbeTimesMin) continue;
    const auto period = period_of(at);
    if (!period) continue;
    warnings.push_back({"wrong_health_check",
                        fmt::format("Every {} a login fails with: {}. That is a health check.",
                                    humane_duration(*period), message),
                        corrected(message)});
  }
  return warnings;
}

}  // namespace pgkeel::diagnose
