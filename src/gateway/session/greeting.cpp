// See greeting.hpp.
#include "gateway/session/greeting.hpp"

namespace pgkeel::gateway {

namespace backend = pg::wire::backend;

void append_greeting(pg::wire::ByteBuffer& out, const Parameters& parameters,
                     const backend::BackendKeyData& key) {
  backend::append_authentication(out, backend::Authentication::Kind::Ok);
  for (const auto& [name, value] : parameters) append(out, backend::ParameterStatus{name, value});
  append(out, key);
  append(out, backend::ReadyForQuery{});
}

}  // namespace pgkeel::gateway
