// Quoting as the server's quote_ident() and libpq's PQescapeLiteral() do it, for text in UTF-8 (the
// only client encoding pgkeel uses: in some others a backslash may be half a character).
#include "pg/sql_text.hpp"

namespace pgkeel::pg {
namespace {

std::string doubled(std::string_view text, char quote, bool backslashes) {
  std::string out;
  out.reserve(text.size() + 2);
  for (const char c : text) {
    if (c == quote || (backslashes && c == '\\')) out += c;
    out += c;
  }
  return out;
}

std::unexpected<Error> zero_byte(std::string_view what) {
  return fail(ErrorCode::Malformed, std::string(what) + " holds a zero byte");
}

}  // namespace

Result<std::string> quote_identifier(std::string_view name) {
  if (name.empty()) return fail(ErrorCode::Malformed, "an SQL name is empty");
  if (name.contains('\0')) return zero_byte("an SQL name");
  return '"' + doubled(name, '"', false) + '"';
}

Result<std::string> quote_qualified(std::string_view schema, std::string_view relation) {
  TRY(first, quote_identifier(schema));
  TRY(second, quote_identifier(relation));
  return first + "." + second;
}

Result<std::string> quote_literal(std::string_view value) {
  if (value.contains('\0')) return zero_byte("an SQL value");
  const bool escaped = value.contains('\\');
  // The space keeps the E from joining a word before it.
  return (escaped ? " E'" : "'") + doubled(value, '\'', escaped) + "'";
}

}  // namespace pgkeel::pg
