// See frame.hpp.
#include "pg/wire/frame.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::pg::wire {
namespace {

/// Of a message's length as it stands in its header; no length fits a letter that is no message.
struct Kind {
  std::string_view name = {};
  std::uint32_t least = 1;
  std::uint32_t most = 0;
};
using Kinds = std::array<Kind, 256>;

/// PQ_SMALL_MESSAGE_LIMIT and PQ_LARGE_MESSAGE_LIMIT of libpq.h: what the server takes.
constexpr std::uint32_t kSmall = 10'000;
constexpr std::uint32_t kLarge = 0x3ffffffe;
/// PG_MAX_AUTH_TOKEN_LENGTH of auth.h.
constexpr std::uint32_t kAuthToken = 65'535;
/// libpq loses patience with a longer one unless VALID_LONG_MESSAGE_TYPE.
constexpr std::uint32_t kShortAnswer = 30'000;
/// libpq's bound while it logs in (PQconnectPoll()).
constexpr std::uint32_t kAuthRequest = 2'000;
/// A StringInfo holds less than MaxAllocSize, and the server builds every message in one.
constexpr std::uint32_t kLongAnswer = 0x3fffffff + kLengthBytes;
constexpr std::uint32_t kParametersMost = 4 + 2 + 65'535 * 4;
constexpr std::uint32_t kKeyMost = 4 + 4 + 256;

constexpr Kind& at(Kinds& kinds, char type) { return kinds[static_cast<unsigned char>(type)]; }

constexpr Kinds frontend_kinds() {
  Kinds kinds{};
  at(kinds, 'B') = {"Bind", 4 + 8, kLarge};
  at(kinds, 'C') = {"Close", 4 + 2, kSmall};
  at(kinds, 'D') = {"Describe", 4 + 2, kSmall};
  at(kinds, 'E') = {"Execute", 4 + 5, kSmall};
  at(kinds, 'F') = {"FunctionCall", 4 + 10, kLarge};
  at(kinds, 'H') = {"Flush", 4, 4};
  at(kinds, 'P') = {"Parse", 4 + 4, kLarge};
  at(kinds, 'Q') = {"Query", 4 + 1, kLarge};
  at(kinds, 'S') = {"Sync", 4, 4};
  at(kinds, 'X') = {"Terminate", 4, kSmall};
  at(kinds, 'c') = {"CopyDone", 4, kSmall};
  at(kinds, 'd') = {"CopyData", 4, kLarge};
  at(kinds, 'f') = {"CopyFail", 4, kSmall};
  at(kinds, 'p') = {"PasswordMessage", 4, kAuthToken};
  return kinds;
}

constexpr Kinds backend_kinds() {
  Kinds kinds{};
  at(kinds, '1') = {"ParseComplete", 4, 4};
  at(kinds, '2') = {"BindComplete", 4, 4};
  at(kinds, '3') = {"CloseComplete", 4, 4};
  at(kinds, 'A') = {"NotificationResponse", 4 + 6, kLongAnswer};
  at(kinds, 'C') = {"CommandComplete", 4 + 1, kShortAnswer};
  at(kinds, 'D') = {"DataRow", 4 + 2, kLongAnswer};
  at(kinds, 'E') = {"ErrorResponse", 4 + 1, kLongAnswer};
  at(kinds, 'G') = {"CopyInResponse", 4 + 3, kShortAnswer};
  at(kinds, 'H') = {"CopyOutResponse", 4 + 3, kShortAnswer};
  at(kinds, 'I') = {"EmptyQueryResponse", 4, 4};
  at(kinds, 'K') = {"BackendKeyData", 4 + 8, kKeyMost};
  at(kinds, 'N') = {"NoticeResponse", 4 + 1, kLongAnswer};
  at(kinds, 'R') = {"Authentication", 4 + 4, kAuthRequest};
  at(kinds, 'S') = {"ParameterStatus", 4 + 2, kShortAnswer};
  at(kinds, 'T') = {"RowDescription", 4 + 2, kLongAnswer};
  at(kinds, 'V') = {"FunctionCallResponse", 4 + 4, kLongAnswer};
  at(kinds, 'W') = {"CopyBothResponse", 4 + 3, kShortAnswer};
  at(kinds, 'Z') = {"ReadyForQuery", 4 + 1, 4 + 1};
  at(kinds, 'c') = {"CopyDone", 4, 4};
  at(kinds, 'd') = {"CopyData", 4, kLongAnswer};
  at(kinds, 'n') = {"NoData", 4, 4};
  at(kinds, 's') = {"PortalSuspended", 4, 4};
  at(kinds, 't') = {"ParameterDescription", 4 + 2, kParametersMost};
  at(kinds, 'v') = {"NegotiateProtocolVersion", 4 + 8, kAuthRequest};
  return kinds;
}

constexpr std::array<Kinds, 2> kKinds = {frontend_kinds(), backend_kinds()};

const Kind& kind_of(Sender sender, char type) {
  return kKinds[static_cast<std::size_t>(sender)][static_cast<unsigned char>(type)];
}

[[gnu::cold, gnu::noinline]] std::unexpected<Error> refused(Sender sender, FrameHeader header) {
  const auto from = sender == Sender::Frontend ? "client" : "server";
  const auto name = message_name(sender, header.type);
  if (name.empty())
    return fail(ErrorCode::Malformed, fmt::format("a message of unknown type 0x{:02x} from the {}",
                                                  static_cast<unsigned char>(header.type), from));
  return fail(ErrorCode::Malformed,
              fmt::format("a {} message of length {} from the {}", name, header.length, from));
}

}  // namespace

std::string_view message_name(Sender sender, char type) { return kind_of(sender, type).name; }

Result<FrameHeader> read_header(Sender sender, ByteSpan bytes) {
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.subspan(1, sizeof length).data(), sizeof length);
  if constexpr (std::endian::native == std::endian::little) length = std::byteswap(length);
  const FrameHeader header{static_cast<char>(bytes[0]), length};
  const auto& kind = kind_of(sender, header.type);
  if (length < kind.least || length > kind.most) [[unlikely]]
    return refused(sender, header);
  return header;
}

Result<std::optional<FramePiece>> FrameCursor::next(ByteSpan& chunk) {
  if (chunk.empty()) return std::nullopt;
  if (left_ == 0) return begin(chunk);
  return cut(chunk, header_.message_bytes() - left_, {});
}

Result<std::optional<FramePiece>> FrameCursor::begin(ByteSpan& chunk) {
  if (held_bytes_ > 0 || chunk.size() < kHeaderBytes) return begin_carried(chunk);
  TRY(header, read_header(sender_, chunk));
  header_ = header;
  left_ = header.message_bytes();
  return cut(chunk, 0, {});
}

Result<std::optional<FramePiece>> FrameCursor::begin_carried(ByteSpan& chunk) {
  const auto missing = std::min(kHeaderBytes - held_bytes_, chunk.size());
  std::ranges::copy(chunk.first(missing), held_.begin() + held_bytes_);
  if (held_bytes_ + missing < kHeaderBytes) {
    held_bytes_ = static_cast<std::uint8_t>(held_bytes_ + missing);
    chunk = {};
    return std::nullopt;
  }
  TRY(header, read_header(sender_, held_));
  header_ = header;
  left_ = header.message_bytes() - held_bytes_;
  return cut(chunk, 0, ByteSpan(held_).first(std::exchange(held_bytes_, std::uint8_t{0})));
}

FramePiece FrameCursor::cut(ByteSpan& chunk, std::size_t offset, ByteSpan carried) {
  const auto here = std::min(left_, chunk.size());
  const FramePiece piece{header_, carried, chunk.first(here), offset};
  chunk = chunk.subspan(here);
  left_ -= here;
  return piece;
}

}  // namespace pgkeel::pg::wire
