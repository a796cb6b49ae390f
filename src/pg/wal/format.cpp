// See format.hpp.
#include "pg/wal/format.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pgkeel::pg {
namespace {

// XLOG_PAGE_MAGIC of each release.
constexpr auto kMagics = std::to_array<std::pair<std::uint16_t, int>>(
    {{0xD106, 13}, {0xD10D, 14}, {0xD110, 15}, {0xD113, 16}, {0xD116, 17}, {0xD118, 18}});

constexpr auto kManagers = std::to_array<std::string_view>(
    {"XLOG",       "Transaction",   "Storage", "CLOG",     "Database",
     "Tablespace", "MultiXact",     "RelMap",  "Standby",  "Heap2",
     "Heap",       "Btree",         "Hash",    "Gin",      "Gist",
     "Sequence",   "SPGist",        "BRIN",    "CommitTs", "ReplicationOrigin",
     "Generic",    "LogicalMessage"});
constexpr std::uint8_t kFirstCustom = 128;

}  // namespace

std::optional<int> major_of_wal_magic(std::uint16_t magic) {
  const auto* found = std::ranges::find(kMagics, magic, &std::pair<std::uint16_t, int>::first);
  return found == kMagics.end() ? std::nullopt : std::optional(found->second);
}

std::uint16_t wal_magic_of(int major) {
  const auto* found = std::ranges::find(kMagics, major, &std::pair<std::uint16_t, int>::second);
  return found == kMagics.end() ? std::uint16_t(0) : found->first;
}

std::string_view to_string(Rmgr rmgr) {
  const auto number = std::to_underlying(rmgr);
  if (number < kManagers.size()) return kManagers.at(number);
  return number >= kFirstCustom ? "custom" : "unknown";
}

}  // namespace pgkeel::pg
