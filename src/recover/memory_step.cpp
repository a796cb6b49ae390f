// See memory_step.hpp.
#include "recover/memory_step.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgkeel::recover {
namespace {

constexpr unsigned kMegabyteBits = 20;
constexpr std::int64_t kMachineShare = 5;  // a fifth is the machine's own

}  // namespace

std::int64_t next_limit(std::int64_t limit, std::uint64_t most, std::uint64_t machine_bytes) {
  if (limit <= 0 || most == 0) return 0;
  const auto machine = static_cast<std::int64_t>(machine_bytes);
  auto bound = static_cast<std::int64_t>(most);
  if (machine > 0) bound = std::min(bound, machine - machine / kMachineShare);
  const auto wanted = std::min(2 * limit, bound);
  return wanted > limit ? wanted : 0;
}

std::int64_t next_work_mem(std::int64_t kilobytes) {
  if (kilobytes <= kWorkMemFloorKb) return 0;
  return std::max(kilobytes / 2, kWorkMemFloorKb);
}

std::string limit_advice(std::string_view container, std::int64_t limit, std::uint64_t most) {
  if (limit <= 0) return "the container has no limit: the machine ran out; give it more memory";
  const auto now = limit >> kMegabyteBits;
  if (most == 0)
    return fmt::format(
        "recover.memory_limit is not set; 'docker update --memory {0}m --memory-swap "
        "{0}m {1}' raises the limit of {2} MB",
        2 * now, container, now);
  return fmt::format(
      "the limit of {} MB is as high as recover.memory_limit ({} MB) or the machine "
      "allows",
      now, most >> kMegabyteBits);
}

}  // namespace pgkeel::recover
