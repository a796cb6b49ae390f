// See room.hpp.
#include "app/doctor/room.hpp"

#include <fmt/format.h>

#include "recover/room.hpp"

namespace pgkeel::app {
namespace {

using incident::Severity;

// Days until it is full; none: it does not grow.
std::optional<double> days_left(const runtime::DiskSpace& room,
                                const std::vector<diagnose::SizeSample>& samples) {
  const auto growth = diagnose::growth_per_day(samples);
  if (!growth || *growth <= 0) return std::nullopt;
  return static_cast<double>(room.bytes_free) / *growth;
}

bool nearly_full(const runtime::DiskSpace& room) {
  return static_cast<double>(room.bytes_free) < kRoomShare * static_cast<double>(room.bytes_total);
}

}  // namespace

std::vector<diagnose::HealthLine> look_at_room(const Config& config,
                                               const std::filesystem::path& data_dir,
                                               const incident::Journal* journal) {
  std::vector<diagnose::HealthLine> lines;
  for (const auto& place : recover::server_places(data_dir)) {
    const auto room = runtime::disk_space(place.path);
    if (!room || room->bytes_total == 0) continue;
    std::vector<diagnose::SizeSample> samples;
    if (journal != nullptr && place.role != sense::SpaceRole::Tablespace)
      samples = recover::disk_samples(*journal, place.role);
    const auto days = days_left(*room, samples);
    if (!nearly_full(*room) && days.value_or(kRoomAhead) >= kRoomAhead) continue;
    const auto account = recover::account_for(
        place.path, {data_dir, config.archive.store.directory(), config.state_dir});
    if (!account) continue;
    auto text = recover::uses_words(*account);
    if (days) text += fmt::format("; full in {:.0f} days at this pace", *days);
    lines.push_back(
        {"room", Severity::Warning, std::move(text), recover::growth_words(*room, samples)});
  }
  return lines;
}

}  // namespace pgkeel::app
