// What a client's message is taken with: the server attached, and where bytes go.
#pragma once

#include "gateway/session/client_session.hpp"

namespace pgkeel::gateway {

struct ClientSession::Way {
  ServerSession* server;  ///< nullptr: none is attached
  Outlet& to_server;
  Outlet& to_client;
};

}  // namespace pgkeel::gateway
