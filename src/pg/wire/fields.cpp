// See fields.hpp.
#include "pg/wire/fields.hpp"

#include <fmt/format.h>

namespace pgkeel::pg::wire {

Result<void> FieldReader::finish(std::string_view message) const {
  if (failed()) return fail(ErrorCode::Malformed, fmt::format("a {} message cut short", message));
  if (remaining() > 0)
    return fail(ErrorCode::Malformed,
                fmt::format("a {} message with {} bytes too many", message, remaining()));
  return {};
}

}  // namespace pgkeel::pg::wire
