// See error_fields.hpp.
#include "pg/wire/error_fields.hpp"

#include <algorithm>

namespace pgkeel::pg::wire {
namespace {

/// Sizes of bodies whose fields are still looked through: there are 18 codes, and one that is
/// repeated without end is no report.
constexpr std::size_t kFieldsMost = 256;

/// Fields up to the zero byte, not counting it.
std::size_t count_fields(ByteSpan body) {
  FieldReader reader(body);
  std::size_t count = 0;
  while (reader.number<char>() != '\0' && !reader.failed() && count < kFieldsMost) {
    static_cast<void>(reader.text());
    ++count;
  }
  return count;
}

}  // namespace

Result<ErrorFields> ErrorFields::decode(ByteSpan body) {
  FieldReader reader(body);
  const ErrorFields found{WireList<ErrorField>::taken(reader, count_fields(body))};
  if (reader.number<char>() != '\0')
    return fail(ErrorCode::Malformed, "an ErrorResponse or NoticeResponse without its end");
  TRY_VOID(reader.finish("ErrorResponse or NoticeResponse"));
  return found;
}

std::string_view ErrorFields::find(char code) const {
  const auto field = std::ranges::find(fields, code, &ErrorField::code);
  return field == fields.end() ? std::string_view() : field->value;
}

std::string_view ErrorFields::severity() const {
  const auto plain = find(error_field::kSeverity);
  return plain.empty() ? find(error_field::kSeverityLocalized) : plain;
}

bool ErrorFields::ends_session() const { return severity() == "FATAL" || severity() == "PANIC"; }

void append(ByteBuffer& out, const ErrorReport& report, ReportAs as) {
  MessageWriter writer(out, static_cast<char>(as));
  const auto field = [&writer](char code, std::string_view value) {
    if (!value.empty()) writer.number(code).text(value);
  };
  field(error_field::kSeverityLocalized, report.severity);
  field(error_field::kSeverity, report.severity);
  field(error_field::kSqlstate, report.sqlstate);
  field(error_field::kMessage, report.message);
  field(error_field::kDetail, report.detail);
  field(error_field::kHint, report.hint);
  writer.number('\0');
}

}  // namespace pgkeel::pg::wire
