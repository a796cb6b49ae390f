// See excluded.hpp. One line a cause: why it is not, or nothing.
#include "diagnose/excluded.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

std::string not_lost(const Case& the_case) {
  const auto& data_dir = the_case.seen.files.data_dir;
  if (!the_case.seen.files.seen || !data_dir.control || !the_case.known.identity) return {};
  if (data_dir.control->system_id != the_case.known.identity->system_id) return {};
  return "the data directory is there and bears the known system identifier";
}

std::string not_full(const Case& the_case) {
  const auto& spaces = the_case.seen.host.spaces;
  const auto known = [](const sense::Space& space) { return space.known(); };
  if (!the_case.seen.host.seen || !std::ranges::any_of(spaces, known)) return {};
  std::uint64_t least = UINT64_MAX;
  for (const auto& space : spaces) {
    if (!space.known() || space.role == sense::SpaceRole::SharedMemory) continue;
    if (space.out_of_inodes() || space.read_only) return {};
    least = std::min(least, space.room.bytes_free);
  }
  constexpr std::uint64_t kRoom = 256ULL << 20U;
  if (least == UINT64_MAX || least < kRoom) return {};
  return fmt::format("{} are free where there is least", format_size(least));
}

std::string not_killed_for_memory(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  if (hosting == nullptr || !hosting->exists || hosting->container.oom_killed) return {};
  return "the engine does not say that memory had run out";
}

std::string port_free(const Case& the_case) {
  const auto& files = the_case.seen.files;
  const auto& lock = files.lock.file;  // tells the port
  if (!files.seen || files.port_listener || !lock || !server_absent(the_case)) return {};
  return "nobody else listens on its port";
}

std::string not_asked_to_stop(const Case& the_case) {
  if (!server_absent(the_case) || !the_case.seen.files.data_dir.control) return {};
  if (stopped_cleanly(the_case) || last_stop_request(the_case) != nullptr) return {};
  return fmt::format("no request to stop, and pg_control says \"{}\"",
                     pg::to_string(the_case.seen.files.data_dir.control->state));
}

std::string owner_fine(const Case& the_case) {
  const auto& data_dir = the_case.seen.files.data_dir;
  if (!the_case.seen.files.seen || !data_dir.owner || !data_dir.foreign_part.empty()) return {};
  return fmt::format("it belongs to {}, mode {:04o}", data_dir.owner->name, data_dir.mode);
}

struct Row {
  Cause cause;
  std::string (*because)(const Case&);
};
constexpr auto kRows = std::to_array<Row>({
    {Cause::VolumeLost, not_lost},
    {Cause::DiskFull, not_full},
    {Cause::OomKilled, not_killed_for_memory},
    {Cause::StoppedByOperator, not_asked_to_stop},
    {Cause::PortTaken, port_free},
    {Cause::WrongPermissions, owner_fine},
});

}  // namespace

std::vector<Excluded> excluded(const Case& the_case, const std::vector<Finding>& findings) {
  std::vector<Excluded> rows;
  if (the_case.seen.healthy()) return rows;
  for (const auto& row : kRows) {
    if (std::ranges::find(findings, row.cause, &Finding::cause) != findings.end()) continue;
    auto because = row.because(the_case);
    if (!because.empty()) rows.push_back({row.cause, std::move(because)});
  }
  return rows;
}

}  // namespace pgkeel::diagnose
