// What a server says in answer to queries, one type per message: read in place from a whole body,
// and written. The parts are views, valid as long as the body is. Those of the login are in
// login_messages.hpp, errors and notices in error_fields.hpp.
// It guarantees: what decode() takes is laid out as the protocol says, to its last byte; what it
// refuses is Malformed. https://www.postgresql.org/docs/current/protocol-message-formats.html
#pragma once

#include "pg/wire/copy_messages.hpp"
#include "pg/wire/error_fields.hpp"

namespace pgkeel::pg::wire::backend {

struct ParseComplete {
  static constexpr char kType = '1';
};
struct BindComplete {
  static constexpr char kType = '2';
};
struct CloseComplete {
  static constexpr char kType = '3';
};
struct EmptyQueryResponse {
  static constexpr char kType = 'I';
};
struct NoData {
  static constexpr char kType = 'n';
};
struct PortalSuspended {
  static constexpr char kType = 's';
};
inline constexpr char kErrorResponse = static_cast<char>(ReportAs::Error);
inline constexpr char kNoticeResponse = static_cast<char>(ReportAs::Notice);

enum class TransactionStatus : char { Idle = 'I', InTransaction = 'T', Failed = 'E' };

struct ReadyForQuery {
  static constexpr char kType = 'Z';
  TransactionStatus status = TransactionStatus::Idle;
  [[nodiscard]] static Result<ReadyForQuery> decode(ByteSpan body);
};

/// One column of a RowDescription.
struct Column {
  std::string_view name;
  Oid table = {};                ///< 0: of no table
  std::uint16_t attribute = 0;   ///< its number in that table
  Oid type = {};                 ///< pg_type's
  std::int16_t type_bytes = -1;  ///< -1: varying
  std::int32_t modifier = -1;    ///< -1: none
  Format format = Format::Text;
};
void take(FieldReader& from, Column& column);
/// Types of columns, by their OIDs in pg_type.
inline constexpr Oid kTextType{25};
inline constexpr Oid kInt4Type{23};

struct RowDescription {
  static constexpr char kType = 'T';
  WireList<Column> columns;
  [[nodiscard]] static Result<RowDescription> decode(ByteSpan body);
};

struct DataRow {
  static constexpr char kType = 'D';
  WireList<Value> values;
  [[nodiscard]] static Result<DataRow> decode(ByteSpan body);
};

struct CommandComplete {
  static constexpr char kType = 'C';
  std::string_view tag;  ///< "INSERT 0 1"
  [[nodiscard]] static Result<CommandComplete> decode(ByteSpan body);
};

struct ParameterDescription {
  static constexpr char kType = 't';
  WireList<Oid> types;
  [[nodiscard]] static Result<ParameterDescription> decode(ByteSpan body);
};

/// Which way data goes from here on: the type of a Copy...Response.
enum class CopyDirection : char { In = 'G', Out = 'H', Both = 'W' };

struct CopyResponse {
  std::uint8_t format = 0;  ///< of the whole: 0 text, 1 binary
  WireList<Format> columns;
  [[nodiscard]] static Result<CopyResponse> decode(ByteSpan body);
};

struct NotificationResponse {
  static constexpr char kType = 'A';
  std::uint32_t process_id = 0;
  std::string_view channel;
  std::string_view payload;
  [[nodiscard]] static Result<NotificationResponse> decode(ByteSpan body);
};

struct FunctionCallResponse {
  static constexpr char kType = 'V';
  Value result;
  [[nodiscard]] static Result<FunctionCallResponse> decode(ByteSpan body);
};

struct ParameterStatus {
  static constexpr char kType = 'S';
  std::string_view name;
  std::string_view value;
  [[nodiscard]] static Result<ParameterStatus> decode(ByteSpan body);
};

void append(ByteBuffer& out, const ReadyForQuery& message);
void append(ByteBuffer& out, const CommandComplete& message);
void append(ByteBuffer& out, const NotificationResponse& message);
void append(ByteBuffer& out, const FunctionCallResponse& message);
void append(ByteBuffer& out, const ParameterStatus& message);
void put_column(MessageWriter& out, const Column& column);

/// `columns`: a range of Column.
template <class Columns>
void append_row_description(ByteBuffer& out, const Columns& columns) {
  MessageWriter(out, RowDescription::kType).counted(columns, put_column);
}
/// `values`: a range of Value.
template <class Values>
void append_data_row(ByteBuffer& out, const Values& values) {
  MessageWriter(out, DataRow::kType).counted(values);
}
/// `types`: a range of Oid.
template <class Types>
void append_parameter_description(ByteBuffer& out, const Types& types) {
  MessageWriter(out, ParameterDescription::kType).counted(types);
}
/// `columns`: a range of Format.
template <class Columns>
void append_copy_response(ByteBuffer& out, CopyDirection direction, std::uint8_t format,
                          const Columns& columns) {
  MessageWriter(out, static_cast<char>(direction)).number(format).counted(columns);
}

}  // namespace pgkeel::pg::wire::backend
