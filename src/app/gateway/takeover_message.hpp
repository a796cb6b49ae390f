// What two gateways of one place say to each other while one takes over from the other, and until
// the last client of the earlier one has left: a datagram each over a Unix socket, with descriptors
// beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::app {

struct TakeoverMessage {
  enum class Kind : char {
    Ask = 'A',        ///< give me what you listen at
    Front = 'F',      ///< here it is: see front_text()
    Ready = 'R',      ///< I accept from it: you need not any more
    Cancel = 'C',     ///< `process_id` and the key in `text` are nobody's here
    Cancelled = 'D',  ///< it has arrived, or nobody has that key
  };
  Kind kind = Kind::Ask;
  std::uint32_t number = 0;  ///< of a Cancel, and of its Cancelled
  std::uint32_t process_id = 0;
  std::string text = {};
};

/// The lock, and what else goes along with a Front.
inline constexpr std::size_t kTakeoverDescriptorsMost = 3;
inline constexpr std::size_t kTakeoverBytesMost = 1024;

[[nodiscard]] std::vector<std::byte> encode(const TakeoverMessage& message);
/// Malformed: none of ours.
[[nodiscard]] Result<TakeoverMessage> decode_takeover(ByteSpan bytes);

/// `descriptors` stay the caller's. Failed: it was not sent; nothing is sent in part.
[[nodiscard]] Result<void> send_takeover(int socket, const TakeoverMessage& message,
                                         std::span<const int> descriptors = {});

struct TakeoverReceived {
  TakeoverMessage message;
  std::vector<runtime::Fd> descriptors;
};
/// Nothing: there is nothing yet, of a socket that does not block. ConnectionFailed: the other side
/// has gone. TimedOut: of a socket with a time limit.
[[nodiscard]] Result<std::optional<TakeoverReceived>> receive_takeover(int socket);

/// Where the gateway with this process id lets another take over, in the directory both work in.
/// The name has the protocol's version: who speaks another finds nobody.
[[nodiscard]] std::filesystem::path takeover_socket(pid_t pid);

}  // namespace pgkeel::app
