// Reads a message with the codec and writes it again: what comes out must be what went in, byte for
// byte. Fuzz targets and recorded conversations are held to it.
#pragma once

#include <type_traits>

#include "pg/wire/backend_messages.hpp"
#include "pg/wire/frame.hpp"
#include "pg/wire/frontend_messages.hpp"
#include "pg/wire/login_messages.hpp"

namespace pgkeel::test {

namespace wire = pg::wire;
namespace frontend = pg::wire::frontend;
namespace backend = pg::wire::backend;
using wire::ByteBuffer;

/// Decodes as `Message` and hands it to `write`.
template <class Message, class Write>
Result<void> recode_as(ByteSpan body, Write write) {
  TRY(message, Message::decode(body));
  write(message);
  return {};
}
template <class Message>
Result<void> recode_plain(ByteBuffer& out, ByteSpan body) {
  return recode_as<Message>(body, [&](const Message& message) { append(out, message); });
}

/// A message that is its type alone, or whose body the codec does not look into.
inline Result<void> recode_opaque(ByteBuffer& out, char type, ByteSpan body) {
  wire::MessageWriter(out, type).bytes(wire::text_of(body));
  return {};
}

/// Answers to an authentication request are told apart by what was asked; here by what they can be.
inline Result<void> recode_answer(ByteBuffer& out, ByteSpan body) {
  if (recode_plain<frontend::SaslInitialResponse>(out, body)) return {};
  if (recode_plain<frontend::Password>(out, body)) return {};
  return recode_plain<frontend::SaslResponse>(out, body);
}

inline Result<void> recode_frontend(ByteBuffer& out, char type, ByteSpan body) {
  switch (type) {
    case frontend::Query::kType: return recode_plain<frontend::Query>(out, body);
    case frontend::Describe::kType: return recode_plain<frontend::Describe>(out, body);
    case frontend::Close::kType: return recode_plain<frontend::Close>(out, body);
    case frontend::Execute::kType: return recode_plain<frontend::Execute>(out, body);
    case frontend::CopyFail::kType: return recode_plain<frontend::CopyFail>(out, body);
    case frontend::kPasswordType: return recode_answer(out, body);
    case frontend::Parse::kType:
      return recode_as<frontend::Parse>(body, [&](const auto& m) {
        frontend::append_parse(out, m.statement, m.sql, m.parameter_types);
      });
    case frontend::Bind::kType:
      return recode_as<frontend::Bind>(body, [&](const auto& m) {
        frontend::append_bind(out, m.portal, m.statement, m.parameter_formats, m.parameters,
                              m.result_formats);
      });
    case frontend::FunctionCall::kType:
      return recode_as<frontend::FunctionCall>(body, [&](const auto& m) {
        frontend::append_function_call(out, m.function, m.argument_formats, m.arguments,
                                       m.result_format);
      });
    default: return recode_opaque(out, type, body);
  }
}

inline Result<void> recode_authentication(ByteBuffer& out, ByteSpan body) {
  return recode_as<backend::Authentication>(body, [&](const backend::Authentication& m) {
    if (m.kind == backend::Authentication::Kind::Sasl) backend::append_sasl(out, m.mechanisms);
    else backend::append_authentication(out, m.kind, m.bytes);
  });
}

inline Result<void> recode_rows(ByteBuffer& out, char type, ByteSpan body) {
  if (type == backend::RowDescription::kType)
    return recode_as<backend::RowDescription>(
        body, [&](const auto& m) { backend::append_row_description(out, m.columns); });
  if (type == backend::DataRow::kType)
    return recode_as<backend::DataRow>(
        body, [&](const auto& m) { backend::append_data_row(out, m.values); });
  return recode_as<backend::ParameterDescription>(
      body, [&](const auto& m) { backend::append_parameter_description(out, m.types); });
}

inline Result<void> recode_backend(ByteBuffer& out, char type, ByteSpan body) {
  switch (type) {
    case backend::Authentication::kType: return recode_authentication(out, body);
    case backend::RowDescription::kType:
    case backend::DataRow::kType:
    case backend::ParameterDescription::kType: return recode_rows(out, type, body);
    case backend::ReadyForQuery::kType: return recode_plain<backend::ReadyForQuery>(out, body);
    case backend::CommandComplete::kType: return recode_plain<backend::CommandComplete>(out, body);
    case backend::ParameterStatus::kType: return recode_plain<backend::ParameterStatus>(out, body);
    case backend::BackendKeyData::kType: return recode_plain<backend::BackendKeyData>(out, body);
    case backend::NotificationResponse::kType:
      return recode_plain<backend::NotificationResponse>(out, body);
    case backend::FunctionCallResponse::kType:
      return recode_plain<backend::FunctionCallResponse>(out, body);
    case backend::NegotiateProtocolVersion::kType:
      return recode_as<backend::NegotiateProtocolVersion>(body, [&](const auto& m) {
        backend::append_negotiate(out, m.version, m.unknown_options);
      });
    case backend::kErrorResponse:
    case backend::kNoticeResponse:
      return recode_as<wire::ErrorFields>(body, [&](const auto& m) {
        wire::append_error_fields(out, m.fields, static_cast<wire::ReportAs>(type));
      });
    case static_cast<char>(backend::CopyDirection::In):
    case static_cast<char>(backend::CopyDirection::Out):
    case static_cast<char>(backend::CopyDirection::Both):
      return recode_as<backend::CopyResponse>(body, [&](const auto& m) {
        backend::append_copy_response(out, static_cast<backend::CopyDirection>(type), m.format,
                                      m.columns);
      });
    default: return recode_opaque(out, type, body);
  }
}

/// Appends the message as the codec writes it. Errors as the codec says; nothing is appended then.
inline Result<void> recode(ByteBuffer& out, wire::Sender sender, char type, ByteSpan body) {
  return sender == wire::Sender::Frontend ? recode_frontend(out, type, body)
                                          : recode_backend(out, type, body);
}

}  // namespace pgkeel::test
