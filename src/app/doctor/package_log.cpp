// See package_log.hpp.
#include "app/doctor/package_log.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <sstream>

#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kLogBytes = 1U << 20U;
constexpr std::size_t kUpdatesMax = 50;

bool concerns_a_server(std::string_view package) {
  constexpr auto kBeginnings = std::to_array<std::string_view>(
      {"postgresql", "libpq", "libc6", "libc-bin", "locales", "libicu", "linux-image", "docker",
       "containerd", "runc", "crun", "podman", "systemd", "openssl", "libssl"});
  return std::ranges::any_of(kBeginnings, [package](std::string_view beginning) {
    return package.starts_with(beginning);
  });
}

std::optional<WallTime> local_time(const std::string& day, const std::string& clock) {
  std::tm fields{};
  const auto text = day + " " + clock;
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d %H:%M:%S", &fields);
  if (end == nullptr || *end != '\0') return std::nullopt;
  fields.tm_isdst = -1;
  const auto seconds = ::mktime(&fields);
  if (seconds < 0) return std::nullopt;
  return WallTime{Seconds(seconds)};
}

std::string version(std::string text) { return text == "<none>" ? std::string() : text; }

std::optional<diagnose::PackageUpdate> parse_line(const std::string& line) {
  std::istringstream words(line);
  std::string day;
  std::string clock;
  std::string verb;
  std::string package;
  std::string from;
  std::string to;
  if (!(words >> day >> clock >> verb >> package >> from >> to)) return std::nullopt;
  if (verb != "upgrade" && verb != "install" && verb != "remove") return std::nullopt;
  const auto at = local_time(day, clock);
  if (!at || !concerns_a_server(package)) return std::nullopt;
  return diagnose::PackageUpdate{*at, package.substr(0, package.find(':')), version(from),
                                 version(to)};
}

}  // namespace

std::vector<diagnose::PackageUpdate> parse_package_log(std::string_view text, WallTime since) {
  std::vector<diagnose::PackageUpdate> updates;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    auto update = parse_line(line);
    if (update && update->at >= since) updates.push_back(std::move(*update));
  }
  if (updates.size() > kUpdatesMax)
    updates.erase(updates.begin(), updates.end() - static_cast<std::ptrdiff_t>(kUpdatesMax));
  return updates;
}

void read_package_log(diagnose::History& history) {
  const auto text = runtime::read_file_tail(kPackageLog, kLogBytes);
  if (!text) {
    history.updates_unavailable = text.error().message();
    return;
  }
  const auto before = runtime::read_file_tail(std::string(kPackageLog) + ".1", kLogBytes);
  history.updates = parse_package_log(before.value_or("") + *text, history.since);
}

}  // namespace pgkeel::app
