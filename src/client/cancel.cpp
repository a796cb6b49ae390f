// See cancel.hpp.
#include "client/cancel.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstring>

#include "runtime/fd.hpp"

namespace pgkeel::client {
namespace {

constexpr std::uint32_t kCancelRequestCode = 80877102;
constexpr std::string_view kKeyMark = "BackendKeyData";
// A traced line of interest is under 100 bytes; longer ones are others'.
constexpr std::size_t kTracedLineMax = 256;

using CancelPacket = std::array<std::uint32_t, 4>;

CancelPacket cancel_packet(CancelKey key) {
  return {htonl(sizeof(CancelPacket)), htonl(kCancelRequestCode),
          htonl(static_cast<std::uint32_t>(key.pid)),
          htonl(static_cast<std::uint32_t>(key.secret))};
}

// A socket on its way to where `socket` is connected to.
runtime::Fd connect_to_peer_of(int socket) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  auto* const address = reinterpret_cast<sockaddr*>(&peer);
  if (::getpeername(socket, address, &length) != 0) return {};
  runtime::Fd fd(::socket(peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.valid() && ::connect(fd.get(), address, length) != 0 && errno != EINPROGRESS) return {};
  return fd;
}

}  // namespace

std::optional<CancelKey> parse_traced_key(std::string_view line) {
  const auto mark = line.find(kKeyMark);
  if (mark == std::string_view::npos) return std::nullopt;
  std::string_view rest = line.substr(mark + kKeyMark.size());
  std::array<std::int32_t, 2> numbers{};
  for (std::int32_t& number : numbers) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (parsed.ec != std::errc()) return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest.data()));
  }
  if (rest.find_first_not_of(" \t\r") != std::string_view::npos) return std::nullopt;
  return CancelKey{.pid = numbers[0], .secret = numbers[1]};
}

KeyCatcher::KeyCatcher(PGconn* connection) : connection_(connection) {
  stream_ = ::fopencookie(
      this, "w", {.read = nullptr, .write = &KeyCatcher::write, .seek = nullptr, .close = nullptr});
  if (stream_ == nullptr) return;
  std::setvbuf(stream_, nullptr, _IONBF, 0);  // no copy of a password message stays behind
  PQtrace(connection_, stream_);
}

KeyCatcher::~KeyCatcher() { static_cast<void>(finish()); }

CancelKey KeyCatcher::finish() {
  if (stream_ != nullptr) {
    PQuntrace(connection_);
    std::fclose(stream_);
    stream_ = nullptr;
  }
  return key_;
}

ssize_t KeyCatcher::write(void* self, const char* bytes, std::size_t count) {
  static_cast<KeyCatcher*>(self)->take({bytes, count});
  return static_cast<ssize_t>(count);
}

void KeyCatcher::take(std::string_view bytes) {
  for (const char byte : bytes) {
    if (byte != '\n') {
      if (line_.size() < kTracedLineMax) line_ += byte;
      continue;
    }
    if (const auto key = parse_traced_key(line_)) key_ = *key;
    line_.clear();
  }
}

runtime::Task<void> send_cancel(runtime::Loop* loop, int socket, CancelKey key, Limit limit) {
  if (key.pid == 0) co_return;
  const runtime::Fd fd = connect_to_peer_of(socket);
  if (!fd.valid()) co_return;
  const auto connected = co_await loop->wait_writable(fd.get(), limit.deadline, limit.stop);
  if (!connected) co_return;
  const CancelPacket packet = cancel_packet(key);
  if (::send(fd.get(), packet.data(), sizeof packet, MSG_NOSIGNAL) != sizeof packet) co_return;
  static_cast<void>(co_await loop->wait_readable(fd.get(), limit.deadline, limit.stop));
}

}  // namespace pgkeel::client
