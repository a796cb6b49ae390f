// What a client says once its session has begun, one type per message: read in place from a whole
// body, and written. The parts are views, valid as long as the body is.
// It guarantees: what decode() takes is laid out as the protocol says, to its last byte; what it
// refuses is Malformed. It refuses to look into SQL.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
#pragma once

#include "pg/wire/copy_messages.hpp"

namespace pgkeel::pg::wire::frontend {

struct Sync {
  static constexpr char kType = 'S';
};
struct Flush {
  static constexpr char kType = 'H';
};
struct Terminate {
  static constexpr char kType = 'X';
};

struct Query {
  static constexpr char kType = 'Q';
  std::string_view sql;
  [[nodiscard]] static Result<Query> decode(ByteSpan body);
};

struct Parse {
  static constexpr char kType = 'P';
  std::string_view statement;  ///< empty: the unnamed one
  std::string_view sql;
  WireList<Oid> parameter_types;  ///< 0: for the server to find out
  [[nodiscard]] static Result<Parse> decode(ByteSpan body);
};

struct Bind {
  static constexpr char kType = 'B';
  std::string_view portal;
  std::string_view statement;
  WireList<Format> parameter_formats;  ///< none: all text; one: of all
  WireList<Value> parameters;
  WireList<Format> result_formats;  ///< as those of the parameters
  [[nodiscard]] static Result<Bind> decode(ByteSpan body);
};

/// What a Describe or a Close speaks of.
enum class Target : char { Statement = 'S', Portal = 'P' };

struct Describe {
  static constexpr char kType = 'D';
  Target target = Target::Statement;
  std::string_view name;
  [[nodiscard]] static Result<Describe> decode(ByteSpan body);
};

struct Close {
  static constexpr char kType = 'C';
  Target target = Target::Statement;
  std::string_view name;
  [[nodiscard]] static Result<Close> decode(ByteSpan body);
};

struct Execute {
  static constexpr char kType = 'E';
  std::string_view portal;
  std::int32_t row_limit = 0;  ///< 0 or less: every row
  [[nodiscard]] static Result<Execute> decode(ByteSpan body);
};

struct CopyFail {
  static constexpr char kType = 'f';
  std::string_view reason;
  [[nodiscard]] static Result<CopyFail> decode(ByteSpan body);
};

/// The fast path, which libpq's large objects use.
struct FunctionCall {
  static constexpr char kType = 'F';
  Oid function;
  WireList<Format> argument_formats;
  WireList<Value> arguments;
  Format result_format = Format::Text;
  [[nodiscard]] static Result<FunctionCall> decode(ByteSpan body);
};

/// Answers to authentication requests: all of one type, told apart by what was asked.
inline constexpr char kPasswordType = 'p';

/// In clear, or as md5_answer() makes it.
struct Password {
  static constexpr char kType = kPasswordType;
  std::string_view password;
  [[nodiscard]] static Result<Password> decode(ByteSpan body);
};

struct SaslInitialResponse {
  static constexpr char kType = kPasswordType;
  std::string_view mechanism;
  Value response;  ///< what the client opens with; nothing: it lets the server begin
  [[nodiscard]] static Result<SaslInitialResponse> decode(ByteSpan body);
};

/// The following ones, and GSSAPI's: the body is the mechanism's own.
struct SaslResponse {
  static constexpr char kType = kPasswordType;
  std::string_view response;
  [[nodiscard]] static Result<SaslResponse> decode(ByteSpan body) {
    return SaslResponse{text_of(body)};
  }
};

void append(ByteBuffer& out, const Query& message);
void append(ByteBuffer& out, const Describe& message);
void append(ByteBuffer& out, const Close& message);
void append(ByteBuffer& out, const Execute& message);
void append(ByteBuffer& out, const CopyFail& message);
void append(ByteBuffer& out, const Password& message);
void append(ByteBuffer& out, const SaslInitialResponse& message);
void append(ByteBuffer& out, const SaslResponse& message);

/// `types`: a range of Oid.
template <class Types>
void append_parse(ByteBuffer& out, std::string_view statement, std::string_view sql,
                  const Types& types) {
  MessageWriter(out, Parse::kType).text(statement).text(sql).counted(types);
}

/// Ranges of Format, Value and Format.
template <class Formats, class Values, class ResultFormats>
void append_bind(ByteBuffer& out, std::string_view portal, std::string_view statement,
                 const Formats& formats, const Values& values,
                 const ResultFormats& result_formats) {
  MessageWriter(out, Bind::kType)
      .text(portal)
      .text(statement)
      .counted(formats)
      .counted(values)
      .counted(result_formats);
}

/// Ranges of Format and Value.
template <class Formats, class Values>
void append_function_call(ByteBuffer& out, Oid function, const Formats& formats,
                          const Values& arguments, Format result_format) {
  MessageWriter(out, FunctionCall::kType)
      .put(function)
      .counted(formats)
      .counted(arguments)
      .put(result_format);
}

}  // namespace pgkeel::pg::wire::frontend
