// STATE_DIR/receive.json: how the receiver is doing, for the guard and for people. Written by the
// receiver at most every half second, whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "archive/receive/flush_policy.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

enum class ReceiveState {
  Connecting,
  CatchingUp,  ///< streaming, more than kCaughtUpBytes behind
  Streaming,
  Waiting,  ///< something is in the way: see the last error
  Stopped,
};
[[nodiscard]] std::string_view to_string(ReceiveState state);

/// A segment: what a busy server writes while one is being shipped.
inline constexpr std::uint64_t kCaughtUpBytes = 16U << 20U;

struct ReceiveProblem {
  std::string code;  ///< of the error table
  std::string message;
  std::string hint;
  WallTime at;
};

/// WAL that no longer exists anywhere: nothing between `from` and `to` can be restored to, and
/// backups from before it end at `from`.
struct WalGap {
  TimelineId timeline;  ///< of `from`
  Lsn from;
  TimelineId to_timeline;
  Lsn to;
  WallTime at;  ///< when it was met
  friend bool operator==(const WalGap&, const WalGap&) = default;
};

struct ReceiveStatus {
  int pid = 0;
  WallTime started_at;
  WallTime written_at;  ///< of the file
  ReceiveState state = ReceiveState::Connecting;
  Durability durability = Durability::Async;
  std::string store;      ///< where it ships to, as configured
  std::string relays_in;  ///< where standbys find it; empty: it relays to none
  SystemId system_id;
  TimelineId timeline;
  Lsn received_lsn;
  Lsn flushed_lsn;              ///< on the archive's disk
  Lsn server_lsn;               ///< as the server last said
  std::uint64_t lag_bytes = 0;  ///< server_lsn - flushed_lsn
  Millis lag{0};                ///< age of the oldest WAL known and not flushed
  std::optional<WallTime> last_message_at;
  std::string shipped_segment;  ///< the newest one that is in the store
  std::uint64_t spool_bytes = 0;
  std::optional<ReceiveProblem> last_error;  ///< of receiving; gone when it streams again
  std::optional<ReceiveProblem> ship_error;  ///< of the store; gone when a segment was shipped
  std::optional<WalGap> gap;  ///< the newest; closed by a base backup that began after it was met
};

[[nodiscard]] ReceiveProblem problem_of(const Error& error, WallTime now);

[[nodiscard]] std::string to_json(const ReceiveStatus& status);
/// Malformed.
[[nodiscard]] Result<ReceiveStatus> parse_receive_status(std::string_view json);

/// STATE_DIR/receive.json. NotFound when no receiver ever ran.
[[nodiscard]] Result<ReceiveStatus> read_receive_status(const std::filesystem::path& file);

}  // namespace pgkeel::archive
