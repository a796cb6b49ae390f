// What an ErrorResponse or a NoticeResponse tells: fields by their code, in the order they came.
// A server, or something that speaks for one, may leave out any of them: a field that is not there
// is empty, and nobody may count on a SQLSTATE.
// https://www.postgresql.org/docs/current/protocol-error-fields.html
#pragma once

#include "pg/wire/writer.hpp"

namespace pgkeel::pg::wire {

struct ErrorField {
  char code = 0;
  std::string_view value;
};
inline void take(FieldReader& from, ErrorField& item) {
  item.code = from.number<char>();
  item.value = from.text();
}

/// Codes of fields that are asked for here.
namespace error_field {
inline constexpr char kSeverityLocalized = 'S';
inline constexpr char kSeverity = 'V';  ///< since 9.6
inline constexpr char kSqlstate = 'C';
inline constexpr char kMessage = 'M';
inline constexpr char kDetail = 'D';
inline constexpr char kHint = 'H';
inline constexpr char kRoutine = 'R';  ///< the function that reported it
}  // namespace error_field

struct ErrorFields {
  WireList<ErrorField> fields;

  /// The first with that code; empty when there is none.
  [[nodiscard]] std::string_view find(char code) const;
  /// ERROR, FATAL or PANIC, not localized where the server says so.
  [[nodiscard]] std::string_view severity() const;
  [[nodiscard]] std::string_view sqlstate() const { return find(error_field::kSqlstate); }
  [[nodiscard]] std::string_view message() const { return find(error_field::kMessage); }
  /// FATAL or PANIC: the server ends the session behind it.
  [[nodiscard]] bool ends_session() const;

  /// Malformed when it is not fields and a zero byte at its very end.
  [[nodiscard]] static Result<ErrorFields> decode(ByteSpan body);
};

/// An error to be told. What is empty is left out.
struct ErrorReport {
  std::string_view severity = "ERROR";  ///< or FATAL, which ends the session
  std::string_view sqlstate;            ///< five characters
  std::string_view message;
  std::string_view detail = {};
  std::string_view hint = {};
};

enum class ReportAs : char { Error = 'E', Notice = 'N' };

void append(ByteBuffer& out, const ErrorReport& report, ReportAs as = ReportAs::Error);

/// `fields`: a range of ErrorField.
template <class Fields>
void append_error_fields(ByteBuffer& out, const Fields& fields, ReportAs as) {
  MessageWriter writer(out, static_cast<char>(as));
  for (const auto& field : fields) writer.number(field.code).text(field.value);
  writer.number('\0');
}

}  // namespace pgkeel::pg::wire
