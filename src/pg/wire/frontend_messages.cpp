// See frontend_messages.hpp. The order of fields is that of the server's readers in
// src/backend/tcop/postgres.c and src/backend/tcop/fastpath.c.
#include "pg/wire/frontend_messages.hpp"

#include <fmt/format.h>

namespace pgkeel::pg::wire::frontend {
namespace {

template <class Message>
Result<Message> decode_named(ByteSpan body, std::string_view message) {
  FieldReader reader(body);
  const auto target = reader.number<char>();
  const auto name = reader.text();
  TRY_VOID(reader.finish(message));
  if (target != static_cast<char>(Target::Statement) && target != static_cast<char>(Target::Portal))
    return fail(ErrorCode::Malformed, fmt::format("a {} message of a thing of kind 0x{:02x}",
                                                  message, static_cast<unsigned char>(target)));
  return Message{static_cast<Target>(target), name};
}

}  // namespace

Result<Query> Query::decode(ByteSpan body) {
  FieldReader reader(body);
  const Query message{reader.text()};
  TRY_VOID(reader.finish("Query"));
  return message;
}

Result<Parse> Parse::decode(ByteSpan body) {
  FieldReader reader(body);
  Parse message;
  message.statement = reader.text();
  message.sql = reader.text();
  message.parameter_types = WireList<Oid>::counted(reader);
  TRY_VOID(reader.finish("Parse"));
  return message;
}

Result<Bind> Bind::decode(ByteSpan body) {
  FieldReader reader(body);
  Bind message;
  message.portal = reader.text();
  message.statement = reader.text();
  message.parameter_formats = WireList<Format>::counted(reader);
  message.parameters = WireList<Value>::counted(reader);
  message.result_formats = WireList<Format>::counted(reader);
  TRY_VOID(reader.finish("Bind"));
  return message;
}

Result<Describe> Describe::decode(ByteSpan body) {
  return decode_named<Describe>(body, "Describe");
}

Result<Close> Close::decode(ByteSpan body) { return decode_named<Close>(body, "Close"); }

Result<Execute> Execute::decode(ByteSpan body) {
  FieldReader reader(body);
  Execute message;
  message.portal = reader.text();
  message.row_limit = reader.number<std::int32_t>();
  TRY_VOID(reader.finish("Execute"));
  return message;
}

Result<CopyFail> CopyFail::decode(ByteSpan body) {
  FieldReader reader(body);
  const CopyFail message{reader.text()};
  TRY_VOID(reader.finish("CopyFail"));
  return message;
}

Result<FunctionCall> FunctionCall::decode(ByteSpan body) {
  FieldReader reader(body);
  FunctionCall message;
  message.function = Oid(reader.number<std::uint32_t>());
  message.argument_formats = WireList<Format>::counted(reader);
  message.arguments = WireList<Value>::counted(reader);
  message.result_format = Format{reader.number<std::uint16_t>()};
  TRY_VOID(reader.finish("FunctionCall"));
  return message;
}

Result<Password> Password::decode(ByteSpan body) {
  FieldReader reader(body);
  const Password message{reader.text()};
  TRY_VOID(reader.finish("Password"));
  return message;
}

Result<SaslInitialResponse> SaslInitialResponse::decode(ByteSpan body) {
  FieldReader reader(body);
  SaslInitialResponse message;
  message.mechanism = reader.text();
  message.response = reader.value();
  TRY_VOID(reader.finish("SASLInitialResponse"));
  return message;
}

void append(ByteBuffer& out, const Query& message) {
  MessageWriter(out, Query::kType).text(message.sql);
}

void append(ByteBuffer& out, const Describe& message) {
  MessageWriter(out, Describe::kType).number(static_cast<char>(message.target)).text(message.name);
}

void append(ByteBuffer& out, const Close& message) {
  MessageWriter(out, Close::kType).number(static_cast<char>(message.target)).text(message.name);
}

void append(ByteBuffer& out, const Execute& message) {
  MessageWriter(out, Execute::kType).text(message.portal).number(message.row_limit);
}

void append(ByteBuffer& out, const CopyFail& message) {
  MessageWriter(out, CopyFail::kType).text(message.reason);
}

void append(ByteBuffer& out, const Password& message) {
  MessageWriter(out, Password::kType).text(message.password);
}

void append(ByteBuffer& out, const SaslInitialResponse& message) {
  MessageWriter(out, SaslInitialResponse::kType).text(message.mechanism).value(message.response);
}

void append(ByteBuffer& out, const SaslResponse& message) {
  MessageWriter(out, SaslResponse::kType).bytes(message.response);
}

}  // namespace pgkeel::pg::wire::frontend
