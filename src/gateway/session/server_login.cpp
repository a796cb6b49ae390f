// See server_login.hpp.
#include "gateway/session/server_login.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "gateway/session/client_request.hpp"

namespace pgkeel::gateway {
namespace {

using pg::wire::ByteBuffer;
using pg::wire::Setting;
using pg::wire::StartupParameter;
namespace backend = pg::wire::backend;

constexpr std::byte kNo{'N'};

std::vector<StartupParameter> parameters_of(const ServerTerms& terms) {
  std::vector<StartupParameter> parameters = {{"user", terms.user}, {"database", terms.database}};
  if (terms.replication != Replication::None)
    parameters.emplace_back("replication",
                            terms.replication == Replication::Logical ? "database" : "true");
  for (const auto& [name, value] : terms.settings) parameters.emplace_back(name, value);
  return parameters;
}

}  // namespace

ServerLogin::ServerLogin(ServerTerms terms)
    : terms_(std::move(terms)),
      proof_(terms_.user, std::move(terms_.credentials), terms_.clear, std::move(terms_.nonce)) {
  ready_.version = {3, terms_.newest_minor};
}

ServerStep ServerLogin::start(ByteBuffer& out) {
  CHECK(state_ == State::Fresh);
  const auto reserved = std::ranges::find_if(
      terms_.settings, [](const Setting& setting) { return is_reserved_parameter(setting.name); });
  if (reserved != terms_.settings.end())
    return violates(fmt::format("a start-up message cannot set \"{}\"", reserved->name));
  if (terms_.tls == ServerTls::Off) return open_session(out);
  append(out, pg::wire::TlsRequest());
  state_ = State::AwaitTlsAnswer;
  return NeedBytes{};
}

ServerStep ServerLogin::open_session(ByteBuffer& out) {
  const auto before = out.size();
  pg::wire::append_startup(out, ready_.version, parameters_of(terms_));
  state_ = State::Authenticating;
  if (out.size() - before <= pg::wire::kStartupBytesMax) return NeedBytes{};
  out.resize(before);
  return violates("a start-up message longer than servers take");
}

ServerStep ServerLogin::resume(ByteSpan bytes, ByteBuffer& out) {
  CHECK(state_ == State::AwaitTlsAnswer || state_ == State::Authenticating ||
        state_ == State::Beginning);
  if (state_ == State::AwaitTlsAnswer) return take_tls_answer(bytes, out);
  reader_.feed(bytes);
  return advance(out);
}

ServerStep ServerLogin::take_tls_answer(ByteSpan bytes, ByteBuffer& out) {
  if (bytes.empty()) return NeedBytes{};
  // An ErrorResponse here may be anybody's (CVE-2024-10977), so it is not read.
  if (bytes[0] != kTlsYes && bytes[0] != kNo)
    return violates("the server answers a request for TLS with something else");
  if (bytes.size() > 1) return violates("received unencrypted data after SSL response");
  if (bytes[0] == kTlsYes) {
    state_ = State::AwaitTls;
    return BeginTls{TlsOpening::Requested};
  }
  if (terms_.tls == ServerTls::Prefer) return open_session(out);
  return fail_with({.trouble = ServerTrouble::TlsNotOffered,
                    .message = "the server has no TLS, and it is required",
                    .hint = "Set ssl = on at the server, or another sslmode in instance.url."});
}

ServerStep ServerLogin::begun_tls(std::string end_point, ByteBuffer& out) {
  CHECK(state_ == State::AwaitTls);
  end_point_ = std::move(end_point);
  return open_session(out);
}

ServerStep ServerLogin::resume_with(const pg::ScramKeys& keys, ByteBuffer& out) {
  CHECK(state_ == State::AwaitKeys);
  state_ = State::Authenticating;
  proof_.answer(keys, out);
  return advance(out);
}

ServerStep ServerLogin::advance(ByteBuffer& out) {
  while (true) {
    const auto message = reader_.next();
    if (!message) return violates(message.error().detail);
    if (!*message) return NeedBytes{};
    if (auto step = take(**message, out)) return *std::move(step);
  }
}

ServerLogin::Answer ServerLogin::take(const pg::wire::Message& message, ByteBuffer& out) {
  if (message.type == backend::kNoticeResponse) return std::nullopt;
  if (message.type == backend::kErrorResponse) {
    const auto fields = pg::wire::ErrorFields::decode(message.body);
    return fields ? fail_with(ServerFailure::said(*fields)) : violates(fields.error().detail);
  }
  if (state_ == State::Beginning) return take_beginning(message);
  if (message.type == backend::Authentication::kType) return take_authentication(message.body, out);
  if (message.type == backend::NegotiateProtocolVersion::kType) return take_version(message.body);
  return violates(fmt::format("{} before authentication is over",
                              message_name(pg::wire::Sender::Backend, message.type)));
}

ServerLogin::Answer ServerLogin::take_authentication(ByteSpan body, ByteBuffer& out) {
  const auto request = backend::Authentication::decode(body);
  if (!request) return violates(request.error().detail);
  if (request->kind == backend::Authentication::Kind::Ok) {
    if (!proof_.may_end())
      return fail_with({.trouble = ServerTrouble::NotItself,
                        .message = "the server ends authentication before it has proven itself"});
    state_ = State::Beginning;
    return std::nullopt;
  }
  auto answer = proof_.take(*request, end_point_, out);
  if (!answer) return fail_with(std::move(answer).error());
  if (!*answer) return std::nullopt;
  state_ = State::AwaitKeys;
  return **std::move(answer);
}

// The server may know less than was asked for; nothing but the version was.
ServerLogin::Answer ServerLogin::take_version(ByteSpan body) {
  const auto negotiated = backend::NegotiateProtocolVersion::decode(body);
  if (!negotiated) return violates(negotiated.error().detail);
  const auto version = pg::wire::ProtocolVersion::of(negotiated->version);
  if (version.major != ready_.version.major || version >= ready_.version ||
      !negotiated->unknown_options.empty())
    return violates(fmt::format("the server negotiates protocol {}.{} where {}.{} was asked for",
                                version.major, version.minor, ready_.version.major,
                                ready_.version.minor));
  ready_.version = version;
  return std::nullopt;
}

ServerLogin::Answer ServerLogin::take_beginning(const pg::wire::Message& message) {
  switch (message.type) {
    case backend::ParameterStatus::kType: return take_parameter(message.body);
    case backend::BackendKeyData::kType: return take_key(message.body);
    case backend::ReadyForQuery::kType: return take_ready(message.body);
    default:
      return violates(fmt::format("{} before the session is ready",
                                  message_name(pg::wire::Sender::Backend, message.type)));
  }
}

ServerLogin::Answer ServerLogin::take_parameter(ByteSpan body) {
  const auto status = backend::ParameterStatus::decode(body);
  if (!status) return violates(status.error().detail);
  auto& parameters = ready_.parameters;
  const auto known = std::ranges::find(parameters, status->name, &Setting::name);
  parameter_bytes_ += status->name.size() + status->value.size();
  if (known != parameters.end()) known->value = status->value;
  else parameters.emplace_back(std::string(status->name), std::string(status->value));
  if (parameters.size() > kParametersMost || parameter_bytes_ > kParameterBytesMost)
    return violates("the server reports more parameters than any server does");
  return std::nullopt;
}

ServerLogin::Answer ServerLogin::take_key(ByteSpan body) {
  const auto key = backend::BackendKeyData::decode(body);
  if (!key) return violates(key.error().detail);
  ready_.cancel_key = CancelKey{key->process_id, std::string(key->key)};
  return std::nullopt;
}

ServerLogin::Answer ServerLogin::take_ready(ByteSpan body) {
  const auto ready = backend::ReadyForQuery::decode(body);
  if (!ready) return violates(ready.error().detail);
  if (ready->status != backend::TransactionStatus::Idle)
    return violates("the server is ready within a transaction that nobody began");
  state_ = State::Ended;
  return std::move(ready_);
}

ServerStep ServerLogin::violates(std::string message) {
  return fail_with({.trouble = ServerTrouble::Protocol, .message = std::move(message)});
}

ServerStep ServerLogin::fail_with(ServerFailure failure) {
  state_ = State::Ended;
  return ServerRefused{std::move(failure)};
}

}  // namespace pgkeel::gateway
