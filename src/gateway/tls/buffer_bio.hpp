// What OpenSSL reads and writes where a socket would be: a span and a buffer, for the time of one
// call. Unlike memory BIOs it keeps no bytes, so an idle connection has none.
#pragma once

#include <openssl/ssl.h>

#include "pg/wire/writer.hpp"

namespace pgkeel::gateway {

/// The two ends; `in` is taken from its front.
struct BufferEnds {
  ByteSpan in;
  pg::wire::ByteBuffer& out;
};

/// A new one without ends; null when there is no memory.
[[nodiscard]] BIO* new_buffer_bio();

/// Gives `tls`, made with a new_buffer_bio(), its ends as long as this lives.
class AttachedEnds {
 public:
  AttachedEnds(SSL* tls, BufferEnds& ends);
  ~AttachedEnds();
  AttachedEnds(const AttachedEnds&) = delete;
  AttachedEnds& operator=(const AttachedEnds&) = delete;

 private:
  SSL* tls_;
};

}  // namespace pgkeel::gateway
