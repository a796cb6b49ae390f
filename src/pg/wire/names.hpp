// The names that open a Parse and a Bind, and how they are replaced without touching what comes
// behind them: a gateway that shares prepared statements needs the front of a message only, however
// long its SQL or its parameters are.
#pragma once

#include <optional>
#include <string_view>

#include "pg/wire/frame.hpp"
#include "pg/wire/writer.hpp"

namespace pgkeel::pg::wire {

/// As a Bind opens.
struct BindNames {
  std::string_view portal;
  std::string_view statement;

  /// Where in the body the rest begins.
  [[nodiscard]] std::size_t bytes() const { return portal.size() + statement.size() + 2; }
};

/// From the front of a Bind's body; nothing while they are not all in it.
[[nodiscard]] std::optional<BindNames> peek_bind_names(ByteSpan front);
/// The statement's name, from the front of a Parse's body; the rest begins behind its NUL.
[[nodiscard]] std::optional<std::string_view> peek_parse_name(ByteSpan front);

/// The header and the names of a Bind like that of `was`, but with other names: what of the body
/// came behind the old ones is to follow unchanged. Malformed when it would become longer than the
/// server takes; nothing is written then.
[[nodiscard]] Result<void> append_renamed_bind(ByteBuffer& out, FrameHeader header,
                                               const BindNames& was, const BindNames& becomes);
/// The same for a Parse.
[[nodiscard]] Result<void> append_renamed_parse(ByteBuffer& out, FrameHeader header,
                                                std::string_view was, std::string_view becomes);

}  // namespace pgkeel::pg::wire
