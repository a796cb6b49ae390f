// How the gateway opens a connection to the server.
#pragma once

#include "gateway/relay/loop.hpp"
#include "gateway/relay/settings.hpp"

namespace pgkeel::gateway {

/// Begins to connect; the stream's owner is told by on_connected(), at once where it can be.
/// Failed: no socket, or nobody listens.
[[nodiscard]] Result<void> dial(Loop& loop, Stream& stream, StreamOwner& owner,
                                const SocketAddress& address);

}  // namespace pgkeel::gateway
