// What a server says over the wire protocol, version 3: messages put one behind the other into one
// buffer. Sans I/O.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/strong.hpp"

namespace pgkeel::pg {

/// Types of result columns, by their OIDs in pg_type.
inline constexpr Oid kTextType{25};
inline constexpr Oid kInt4Type{23};

struct ResultColumn {
  std::string_view name;
  Oid type;
};

/// What an ErrorResponse tells.
struct ErrorFields {
  std::string_view severity = "ERROR";  ///< or FATAL, which ends the session
  std::string_view sqlstate;            ///< five characters
  std::string_view message;
  std::string_view hint = {};
};

class BackendWriter {
 public:
  void authentication_ok();
  void parameter_status(std::string_view name, std::string_view value);
  void ready_for_query();
  void row_description(std::span<const ResultColumn> columns);
  /// Text format; nothing: NULL.
  void row(std::span<const std::optional<std::string_view>> values);
  void command_complete(std::string_view tag);
  void copy_both();
  void copy_done();
  void error(const ErrorFields& fields);
  /// A CopyData of `head` and `rest`.
  void copy_data(ByteSpan head, ByteSpan rest = {});
  /// One byte that is no message: the answer to a request for encryption.
  void byte(char answer) { out_.push_back(static_cast<std::byte>(answer)); }

  [[nodiscard]] ByteSpan pending() const { return ByteSpan(out_).subspan(sent_); }
  /// The first so many bytes of what is pending have gone out.
  void sent(std::size_t bytes);
  /// What is pending, and what has gone out and was not forgotten yet: less than kSentMax.
  [[nodiscard]] std::size_t bytes_held() const { return out_.size(); }
  static constexpr std::size_t kSentMax = 256U << 10U;

 private:
  [[nodiscard]] std::size_t begin(char type);
  void end(std::size_t begun);
  void text(std::string_view text);

  std::vector<std::byte> out_;
  std::size_t sent_ = 0;
};

}  // namespace pgkeel::pg
