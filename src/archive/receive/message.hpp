// What goes over a WAL stream inside CopyData: the server's WAL and keepalives, our status. Pure.
// https://www.postgresql.org/docs/current/protocol-replication.html (START_REPLICATION)
#pragma once

#include <array>
#include <cstdint>
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

}  // namespace pgkeel::archive
