// See takeover_message.hpp.
#include "app/gateway/takeover_message.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace pgkeel::app {
namespace {

constexpr std::size_t kHeadBytes = 9;  // kind, number, process id

void put_number(std::vector<std::byte>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::byte>(value >> static_cast<unsigned>(shift)));
}

std::uint32_t number_at(ByteSpan bytes) {
  std::uint32_t value = 0;
  for (const auto byte : bytes.first(sizeof value))
    value = value << 8U | std::to_integer<std::uint32_t>(byte);
  return value;
}

bool known(TakeoverMessage::Kind kind) {
  using Kind = TakeoverMessage::Kind;
  return kind == Kind::Ask || kind == Kind::Front || kind == Kind::Ready || kind == Kind::Cancel ||
         kind == Kind::Cancelled;
}

/// Room for descriptors beside a message, aligned as the kernel wants it.
struct Beside {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kTakeoverDescriptorsMost * sizeof(int))> bytes{};
};

std::vector<runtime::Fd> descriptors_of(msghdr& message) {
  std::vector<runtime::Fd> descriptors;
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t at = 0; at < count; ++at) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part) + at * sizeof(int), sizeof descriptor);
      descriptors.emplace_back(descriptor);
    }
  }
  return descriptors;
}

}  // namespace

std::vector<std::byte> encode(const TakeoverMessage& message) {
  std::vector<std::byte> out;
  out.push_back(static_cast<std::byte>(message.kind));
  put_number(out, message.number);
  put_number(out, message.process_id);
  const auto text = std::as_bytes(std::span(message.text));
  out.insert(out.end(), text.begin(), text.end());
  return out;
}

Result<TakeoverMessage> decode_takeover(ByteSpan bytes) {
  if (bytes.size() < kHeadBytes || bytes.size() > kTakeoverBytesMost)
    return fail(ErrorCode::Malformed, "a takeover message of no length of theirs");
  TakeoverMessage message;
  message.kind = static_cast<TakeoverMessage::Kind>(std::to_integer<char>(bytes[0]));
  if (!known(message.kind)) return fail(ErrorCode::Malformed, "an unknown takeover message");
  message.number = number_at(bytes.subspan(1));
  message.process_id = number_at(bytes.subspan(5));
  const auto text = bytes.subspan(kHeadBytes);
  message.text.assign(reinterpret_cast<const char*>(text.data()), text.size());
  return message;
}

Result<void> send_takeover(int socket, const TakeoverMessage& message,
                           std::span<const int> descriptors) {
  auto bytes = encode(message);
  if (bytes.size() > kTakeoverBytesMost || descriptors.size() > kTakeoverDescriptorsMost)
    return fail(ErrorCode::Refused, "too long for a takeover message");
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  Beside beside;
  if (!descriptors.empty()) {
    header.msg_control = beside.bytes.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    auto* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  if (::sendmsg(socket, &header, MSG_NOSIGNAL) < 0)
    return fail(Error::from_errno(errno, "send a takeover message"));
  return {};
}

Result<std::optional<TakeoverReceived>> receive_takeover(int socket) {
  std::array<std::byte, kTakeoverBytesMost> room{};
  iovec part{room.data(), room.size()};
  Beside beside;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = beside.bytes.data();
  header.msg_controllen = beside.bytes.size();
  const auto got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got < 0) return fail(Error::from_errno(errno, "receive a takeover message"));
  TakeoverReceived received;
  received.descriptors = descriptors_of(header);
  if (got == 0) return fail(ErrorCode::ConnectionFailed, "the other gateway has gone");
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return fail(ErrorCode::Malformed, "a takeover message that is too long");
  TRY(message, decode_takeover(ByteSpan(room).first(static_cast<std::size_t>(got))));
  received.message = std::move(message);
  return received;
}

std::filesystem::path takeover_socket(pid_t pid) { return fmt::format("takeover-1.{}.sock", pid); }

}  // namespace pgkeel::app
