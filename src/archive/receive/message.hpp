// What goes over a WAL stream inside CopyData: the sender's WAL and keepalives, the receiver's
// status; both ways, since we are the one towards the server and the other towards a standby. Pure.
// https://www.postgresql.org/docs/current/protocol-replication.html (START_REPLICATION)
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

/// More than any server sends in one message (it cuts at 128 KiB); a larger one is not WAL.
inline constexpr std::size_t kWalMessageBytesMax = 16U << 20U;

struct WalData {
  Lsn start;       ///< of the first byte
  Lsn server_end;  ///< how far the server has flushed
  WallTime sent_at;
  ByteSpan bytes;  ///< part of the message that was decoded
};

/// Whether the other side wants to hear from us at once.
enum class Reply { NotAsked, Asked };

struct Keepalive {
  Lsn server_end;
  WallTime sent_at;
  Reply reply = Reply::NotAsked;
};

using StreamMessage = std::variant<WalData, Keepalive>;

/// Malformed when it is neither, too long, or ends behind the last possible position.
[[nodiscard]] Result<StreamMessage> decode_stream_message(ByteSpan message);

struct StandbyStatus {
  Lsn written;
  Lsn flushed;
  Lsn applied;
  WallTime sent_at;
  Reply reply = Reply::NotAsked;
};
inline constexpr std::size_t kStandbyStatusBytes = 34;

[[nodiscard]] std::array<std::byte, kStandbyStatusBytes> encode_standby_status(
    const StandbyStatus& status);
/// Nothing for the other message a standby sends, of its oldest transaction. Malformed.
[[nodiscard]] Result<std::optional<StandbyStatus>> decode_standby_message(ByteSpan message);

/// What comes before the bytes in a message of WAL; `wal.bytes` is not looked at.
inline constexpr std::size_t kWalHeadBytes = 25;
[[nodiscard]] std::array<std::byte, kWalHeadBytes> encode_wal_head(const WalData& wal);
inline constexpr std::size_t kKeepaliveBytes = 18;
[[nodiscard]] std::array<std::byte, kKeepaliveBytes> encode_keepalive(const Keepalive& keepalive);

}  // namespace pgkeel::archive
