// See slot_limit.hpp.
#include "app/guard/slot_limit.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::app {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20U;
constexpr std::uint64_t kShare = 4;
// Less than a few segments would cut off a receiver that is merely restarted; more than a day of a
// busy server is better had back by a new backup.
constexpr std::uint64_t kLeastMb = 512;
constexpr std::uint64_t kMostMb = 64 * 1024;
constexpr std::uint64_t kUnknownMb = 20 * 1024;

}  // namespace

std::string slot_limit(std::optional<std::uint64_t> disk_bytes) {
  const auto share = disk_bytes ? *disk_bytes / kShare / kMegabyte : kUnknownMb;
  return fmt::format("{}MB", std::clamp(share, kLeastMb, kMostMb));
}

std::string slot_limit_statement(std::optional<std::uint64_t> disk_bytes) {
  return fmt::format("alter system set max_slot_wal_keep_size = '{}'", slot_limit(disk_bytes));
}

}  // namespace pgkeel::app
