// See refusal.hpp.
#include "gateway/session/refusal.hpp"

namespace pgkeel::gateway {

void append(pg::wire::ByteBuffer& out, const Refusal& refusal) {
  append(out, pg::wire::ErrorReport{.severity = "FATAL",
                                    .sqlstate = refusal.sqlstate,
                                    .message = refusal.message,
                                    .detail = refusal.detail,
                                    .hint = refusal.hint});
}

}  // namespace pgkeel::gateway
