// Which protocol a session speaks when its client asked for more than we know: a newer minor
// version, or protocol options ("_pq_.name"). libpq of PostgreSQL 19 asks for version 3.9999 and an
// option nobody has, on purpose, to find middleware that does not negotiate.
// https://www.postgresql.org/docs/current/protocol-flow.html ("NegotiateProtocolVersion")
#pragma once

#include "pg/wire/startup.hpp"

namespace pgkeel::pg::wire {

/// Parameters that begin so belong to the protocol and are never settings.
inline constexpr std::string_view kProtocolOption = "_pq_.";
/// The newest minor version this codec reads and writes: PostgreSQL 18's, with longer cancel keys.
inline constexpr std::uint16_t kNewestMinor = 2;

struct Negotiation {
  ProtocolVersion version;          ///< that both sides speak from here on
  std::size_t unknown_options = 0;  ///< each is to be named to the client

  /// Whether the client must be told, once and before it is asked to authenticate.
  [[nodiscard]] bool must_be_told(const StartupMessage& startup) const {
    return startup.version > version || unknown_options > 0;
  }
};

/// What to make of a start-up message when minor versions up to `newest_minor` are spoken, as
/// ProcessStartupPacket() does it. No protocol option is known yet.
[[nodiscard]] Negotiation negotiate(const StartupMessage& startup,
                                    std::uint16_t newest_minor = kNewestMinor);

/// The NegotiateProtocolVersion that tells it: the version agreed on, which libpq refuses when it
/// is newer than its own, and not the newest that is known.
void append_negotiation(ByteBuffer& out, const StartupMessage& startup,
                        const Negotiation& negotiation);

}  // namespace pgkeel::pg::wire
