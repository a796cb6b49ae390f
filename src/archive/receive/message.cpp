// See message.hpp.
#include "archive/receive/message.hpp"

#include <bit>
#include <cstring>
#include <limits>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

constexpr std::int64_t kMicrosOfPgEpoch = 946'684'800'000'000;  // 2000-01-01 after 1970-01-01

// A clock that is absurd is no reason to refuse WAL: it is only shown.
WallTime time_of(std::int64_t pg_micros) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max() - kMicrosOfPgEpoch;
  if (pg_micros < 0 || pg_micros > kMost) return WallTime{};
  return WallTime(std::chrono::microseconds(pg_micros + kMicrosOfPgEpoch));
}

Result<StreamMessage> decode_wal(ByteReader reader) {
  WalData wal;
  wal.start = Lsn(reader.read_be<std::uint64_t>());
  wal.server_end = Lsn(reader.read_be<std::uint64_t>());
  wal.sent_at = time_of(reader.read_be<std::int64_t>());
  wal.bytes = reader.take(reader.remaining());
  if (reader.failed()) return fail(ErrorCode::Malformed, "a message of WAL ends in its header");
  if (wal.bytes.size() > kWalMessageBytesMax)
    return fail(ErrorCode::Malformed,
                fmt::format("a message of WAL has {} bytes", wal.bytes.size()));
  if (wal.start.value > std::numeric_limits<std::uint64_t>::max() - wal.bytes.size())
    return fail(ErrorCode::Malformed, "a message of WAL ends behind the last position there is");
  return StreamMessage(wal);
}

Result<StreamMessage> decode_keepalive(ByteReader reader) {
  Keepalive keepalive;
  keepalive.server_end = Lsn(reader.read_be<std::uint64_t>());
  keepalive.sent_at = time_of(reader.read_be<std::int64_t>());
  const auto asked = reader.read<std::uint8_t>();
  if (reader.failed()) return fail(ErrorCode::Malformed, "a keepalive is too short");
  keepalive.reply = asked != 0 ? Reply::Asked : Reply::NotAsked;
  return StreamMessage(keepalive);
}

void put(std::byte*& at, std::uint64_t number) {
  if constexpr (std::endian::native == std::endian::little) number = std::byteswap(number);
  std::memcpy(at, &number, sizeof number);
  at += sizeof number;
}

void put(std::byte*& at, WallTime time) {
  put(at, static_cast<std::uint64_t>(time.time_since_epoch().count() - kMicrosOfPgEpoch));
}

}  // namespace

Result<StreamMessage> decode_stream_message(ByteSpan message) {
  ByteReader reader(message);
  const auto kind = reader.read<char>();
  if (kind == 'w') return decode_wal(reader);
  if (kind == 'k') return decode_keepalive(reader);
  return fail(ErrorCode::Malformed, fmt::format("a message of kind 0x{:02x} in a WAL stream",
                                                static_cast<unsigned char>(kind)));
}

std::array<std::byte, kStandbyStatusBytes> encode_standby_status(const StandbyStatus& status) {
  std::array<std::byte, kStandbyStatusBytes> message{};
  auto* at = message.data();
  *at++ = std::byte{'r'};
  put(at, status.written.value);
  put(at, status.flushed.value);
  put(at, status.applied.value);
  put(at, status.sent_at);
  *at = status.reply == Reply::Asked ? std::byte{1} : std::byte{0};
  return message;
}

Result<std::optional<StandbyStatus>> decode_standby_message(ByteSpan message) {
  ByteReader reader(message);
  const auto kind = reader.read<char>();
  if (kind == 'h') return std::nullopt;
  StandbyStatus status;
  status.written = Lsn(reader.read_be<std::uint64_t>());
  status.flushed = Lsn(reader.read_be<std::uint64_t>());
  status.applied = Lsn(reader.read_be<std::uint64_t>());
  status.sent_at = time_of(reader.read_be<std::int64_t>());
  status.reply = reader.read<std::uint8_t>() != 0 ? Reply::Asked : Reply::NotAsked;
  if (kind != 'r' || reader.failed())
    return fail(ErrorCode::Malformed,
                fmt::format("a standby's message of kind 0x{:02x} and {} bytes",
                            static_cast<unsigned char>(kind), message.size()));
  return status;
}

std::array<std::byte, kWalHeadBytes> encode_wal_head(const WalData& wal) {
  std::array<std::byte, kWalHeadBytes> head{};
  auto* at = head.data();
  *at++ = std::byte{'w'};
  put(at, wal.start.value);
  put(at, wal.server_end.value);
  put(at, wal.sent_at);
  return head;
}

std::array<std::byte, kKeepaliveBytes> encode_keepalive(const Keepalive& keepalive) {
  std::array<std::byte, kKeepaliveBytes> message{};
  auto* at = message.data();
  *at++ = std::byte{'k'};
  put(at, keepalive.server_end.value);
  put(at, keepalive.sent_at);
  *at = keepalive.reply == Reply::Asked ? std::byte{1} : std::byte{0};
  return message;
}

}  // namespace pgkeel::archive
