// See server_failure.hpp.
#include "gateway/session/server_failure.hpp"

namespace pgkeel::gateway {

ServerFailure ServerFailure::said(const pg::wire::ErrorFields& fields) {
  namespace field = pg::wire::error_field;
  return {.trouble = ServerTrouble::Said,
          .message = std::string(fields.message()),
          .severity = std::string(fields.severity()),
          .sqlstate = std::string(fields.sqlstate()),
          .detail = std::string(fields.find(field::kDetail)),
          .hint = std::string(fields.find(field::kHint))};
}

}  // namespace pgkeel::gateway
