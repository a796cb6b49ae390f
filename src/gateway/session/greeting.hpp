// The end of a login, as a client waits for it: what its session begins with. Composed once the
// parameters of a server are known, which may be long after the client has proven itself.
#pragma once

#include "gateway/session/login_steps.hpp"
#include "pg/wire/backend_messages.hpp"
#include "pg/wire/login_messages.hpp"

namespace pgkeel::gateway {

/// AuthenticationOk, a ParameterStatus for each of `parameters` (those of the server, with the
/// client's own settings put in), the key that cancels, and ReadyForQuery. `key`: ours, 4 bytes in
/// protocol 3.0 and up to 256 in 3.2; never a server's.
void append_greeting(pg::wire::ByteBuffer& out, const Parameters& parameters,
                     const pg::wire::backend::BackendKeyData& key);

}  // namespace pgkeel::gateway
