// /dev/shm is full: parallel queries fail although the disks have room. A container has 64 MB there
// unless told otherwise.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/trouble.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr Seconds kHeld{300};

std::string size_words(const Case& the_case) {
  const auto& spaces = the_case.seen.host.spaces;
  const auto found = std::ranges::find(spaces, sense::SpaceRole::SharedMemory, &sense::Space::role);
  if (found == spaces.end() || !found->known()) return "";
  return fmt::format(" It has {}.", format_size(found->room.bytes_total));
}

// Four times what it has, and as much as most need.
std::uint64_t wanted_mb(const Case& the_case) {
  constexpr std::uint64_t kLeast = 256;
  const auto& spaces = the_case.seen.host.spaces;
  const auto found = std::ranges::find(spaces, sense::SpaceRole::SharedMemory, &sense::Space::role);
  if (found == spaces.end() || !found->known()) return kLeast;
  return std::max(kLeast, 4 * (found->room.bytes_total >> 20U));
}

std::string hint(const Case& the_case) {
  constexpr std::string_view kLess = "or lower max_parallel_workers_per_gather";
  const auto* hosting = hosting_of(the_case);
  if (hosting == nullptr || !hosting->exists)
    return fmt::format("'mount -o remount,size={}m /dev/shm', {}", wanted_mb(the_case), kLess);
  return fmt::format(
      "give container {} 'shm_size: {}mb' or more in the Compose file and create it "
      "again over the same volume, {}",
      hosting->container.name, wanted_mb(the_case), kLess);
}

}  // namespace

std::vector<Finding> shared_memory_full(const Case& the_case) {
  const auto told = told_within(the_case, kHeld, {pg::Signature::SharedMemoryFull});
  if (told.empty()) return {};
  Finding finding;
  finding.cause = Cause::SharedMemoryFull;
  finding.subject = "disk.shared_memory";
  finding.confidence = 0.97;
  finding.summary =
      "/dev/shm is too small: a query could not get shared memory." + size_words(the_case);
  finding.hint = hint(the_case);
  finding.evidence.push_back(log_evidence(the_case, *told.back()));
  return {finding};
}

}  // namespace pgkeel::diagnose
