// See backend_messages.hpp.
#include "pg/wire/backend_messages.hpp"

#include <fmt/format.h>

namespace pgkeel::pg::wire::backend {

Result<ReadyForQuery> ReadyForQuery::decode(ByteSpan body) {
  FieldReader reader(body);
  const auto status = reader.number<char>();
  TRY_VOID(reader.finish("ReadyForQuery"));
  if (std::string_view("ITE").find(status) == std::string_view::npos)
    return fail(ErrorCode::Malformed,
                fmt::format("a transaction status 0x{:02x}", static_cast<unsigned char>(status)));
  return ReadyForQuery{static_cast<TransactionStatus>(status)};
}

void take(FieldReader& from, Column& column) {
  column.name = from.text();
  column.table = Oid(from.number<std::uint32_t>());
  column.attribute = from.number<std::uint16_t>();
  column.type = Oid(from.number<std::uint32_t>());
  column.type_bytes = from.number<std::int16_t>();
  column.modifier = from.number<std::int32_t>();
  column.format = Format{from.number<std::uint16_t>()};
}

Result<RowDescription> RowDescription::decode(ByteSpan body) {
  FieldReader reader(body);
  const RowDescription message{WireList<Column>::counted(reader)};
  TRY_VOID(reader.finish("RowDescription"));
  return message;
}

Result<DataRow> DataRow::decode(ByteSpan body) {
  FieldReader reader(body);
  const DataRow message{WireList<Value>::counted(reader)};
  TRY_VOID(reader.finish("DataRow"));
  return message;
}

Result<CommandComplete> CommandComplete::decode(ByteSpan body) {
  FieldReader reader(body);
  const CommandComplete message{reader.text()};
  TRY_VOID(reader.finish("CommandComplete"));
  return message;
}

Result<ParameterDescription> ParameterDescription::decode(ByteSpan body) {
  FieldReader reader(body);
  const ParameterDescription message{WireList<Oid>::counted(reader)};
  TRY_VOID(reader.finish("ParameterDescription"));
  return message;
}

Result<CopyResponse> CopyResponse::decode(ByteSpan body) {
  FieldReader reader(body);
  CopyResponse message;
  message.format = reader.number<std::uint8_t>();
  message.columns = WireList<Format>::counted(reader);
  TRY_VOID(reader.finish("CopyResponse"));
  return message;
}

Result<NotificationResponse> NotificationResponse::decode(ByteSpan body) {
  FieldReader reader(body);
  NotificationResponse message;
  message.process_id = reader.number<std::uint32_t>();
  message.channel = reader.text();
  message.payload = reader.text();
  TRY_VOID(reader.finish("NotificationResponse"));
  return message;
}

Result<FunctionCallResponse> FunctionCallResponse::decode(ByteSpan body) {
  FieldReader reader(body);
  const FunctionCallResponse message{reader.value()};
  TRY_VOID(reader.finish("FunctionCallResponse"));
  return message;
}

Result<ParameterStatus> ParameterStatus::decode(ByteSpan body) {
  FieldReader reader(body);
  ParameterStatus message;
  message.name = reader.text();
  message.value = reader.text();
  TRY_VOID(reader.finish("ParameterStatus"));
  return message;
}

void append(ByteBuffer& out, const ReadyForQuery& message) {
  MessageWriter(out, ReadyForQuery::kType).number(static_cast<char>(message.status));
}

void append(ByteBuffer& out, const CommandComplete& message) {
  MessageWriter(out, CommandComplete::kType).text(message.tag);
}

void append(ByteBuffer& out, const NotificationResponse& message) {
  MessageWriter(out, NotificationResponse::kType)
      .number(message.process_id)
      .text(message.channel)
      .text(message.payload);
}

void append(ByteBuffer& out, const FunctionCallResponse& message) {
  MessageWriter(out, FunctionCallResponse::kType).value(message.result);
}

void append(ByteBuffer& out, const ParameterStatus& message) {
  MessageWriter(out, ParameterStatus::kType).text(message.name).text(message.value);
}

void put_column(MessageWriter& out, const Column& column) {
  out.text(column.name)
      .put(column.table)
      .number(column.attribute)
      .put(column.type)
      .number(column.type_bytes)
      .number(column.modifier)
      .put(column.format);
}

}  // namespace pgkeel::pg::wire::backend
