// How much WAL the receiver's slot may hold back: max_slot_wal_keep_size. Without it an archive
// that is away for days fills the server's disk, and the server stops. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pgkeel::app {

/// A quarter of the disk the data is on, within reason; 20 GB where it is not known. In the
/// server's own unit: "12800MB".
[[nodiscard]] std::string slot_limit(std::optional<std::uint64_t> disk_bytes);
/// "alter system set ...", without the reload it needs.
[[nodiscard]] std::string slot_limit_statement(std::optional<std::uint64_t> disk_bytes);

}  // namespace pgkeel::app
