// Where a session's bytes go: the relay in the gateway, a script in a test.
#pragma once

#include "base/bytes.hpp"

namespace pgkeel::gateway {

class Outlet {
 public:
  /// Bytes of the chunk that was taken, sent from where they lie.
  virtual void send(ByteSpan bytes) = 0;
  /// Bytes that do not outlive the call.
  virtual void send_copy(ByteSpan bytes) = 0;

 protected:
  ~Outlet() = default;
};

}  // namespace pgkeel::gateway
