// See login_messages.hpp.
#include "pg/wire/login_messages.hpp"

#include <fmt/format.h>

namespace pgkeel::pg::wire::backend {
namespace {

using Kind = Authentication::Kind;
constexpr std::size_t kMd5SaltBytes = 4;

/// Mechanisms up to the empty name, which is taken too.
WireList<std::string_view> take_mechanisms(FieldReader& reader) {
  auto ahead = reader;
  std::size_t count = 0;
  while (!ahead.text().empty()) ++count;
  const auto mechanisms = WireList<std::string_view>::taken(reader, count);
  static_cast<void>(reader.text());
  return mechanisms;
}

}  // namespace

Result<Authentication> Authentication::decode(ByteSpan body) {
  FieldReader reader(body);
  const auto kind = reader.number<std::uint32_t>();
  Authentication message{Kind{kind}, {}, {}};
  if (to_string(message.kind).empty() && !reader.failed())
    return fail(ErrorCode::Refused, fmt::format("an authentication request of kind {}", kind));
  if (message.kind == Kind::Md5Password) message.bytes = reader.bytes(kMd5SaltBytes);
  if (message.kind == Kind::Sasl) message.mechanisms = take_mechanisms(reader);
  if (message.kind == Kind::GssContinue || message.kind == Kind::SaslContinue ||
      message.kind == Kind::SaslFinal)
    message.bytes = reader.rest();
  TRY_VOID(reader.finish("Authentication"));
  return message;
}

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::Ok: return "ok";
    case Kind::KerberosV5: return "kerberos_v5";
    case Kind::CleartextPassword: return "password";
    case Kind::Md5Password: return "md5";
    case Kind::ScmCredential: return "scm_credential";
    case Kind::Gss: return "gss";
    case Kind::GssContinue: return "gss_continue";
    case Kind::Sspi: return "sspi";
    case Kind::Sasl: return "sasl";
    case Kind::SaslContinue: return "sasl_continue";
    case Kind::SaslFinal: return "sasl_final";
  }
  return {};
}

Result<BackendKeyData> BackendKeyData::decode(ByteSpan body) {
  FieldReader reader(body);
  BackendKeyData message;
  message.process_id = reader.number<std::uint32_t>();
  message.key = reader.rest();
  TRY_VOID(reader.finish("BackendKeyData"));
  if (message.key.size() < kCancelKeyLeast || message.key.size() > kCancelKeyMost)
    return fail(ErrorCode::Malformed, fmt::format("a cancel key of {} bytes", message.key.size()));
  return message;
}

Result<NegotiateProtocolVersion> NegotiateProtocolVersion::decode(ByteSpan body) {
  FieldReader reader(body);
  NegotiateProtocolVersion message;
  message.version = reader.number<std::uint32_t>();
  message.unknown_options =
      WireList<std::string_view>::taken(reader, reader.number<std::uint32_t>());
  TRY_VOID(reader.finish("NegotiateProtocolVersion"));
  return message;
}

void append_authentication(ByteBuffer& out, Kind kind, std::string_view bytes) {
  CHECK(kind != Kind::Sasl);
  MessageWriter(out, Authentication::kType).number(static_cast<std::uint32_t>(kind)).bytes(bytes);
}

void append(ByteBuffer& out, const BackendKeyData& message) {
  MessageWriter(out, BackendKeyData::kType).number(message.process_id).bytes(message.key);
}

}  // namespace pgkeel::pg::wire::backend
