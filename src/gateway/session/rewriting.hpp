// Pieces of what is said to a server in a client's place, for those who rewrite its messages.
#pragma once

#include <string_view>

#include "pg/wire/frame.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway {

/// The SQL of a Parse behind its name, or of a Query: up to its NUL.
[[nodiscard]] std::string_view text_before_nul(ByteSpan text_and_more);
[[nodiscard]] pg::wire::ByteBuffer header_bytes(pg::wire::FrameHeader header);
[[nodiscard]] pg::wire::ByteBuffer parse_message(std::string_view name, ByteSpan text_and_types);
/// What stands for a DEALLOCATE of a statement that only the client calls so, with the types its
/// Parse came with: one of kForgotten.
[[nodiscard]] pg::wire::ByteBuffer deallocate_stand_in(ByteSpan text_and_types);

/// Prepared right before it is deallocated: the server's own DEALLOCATE has its tag, its place and
/// its errors.
inline constexpr std::string_view kForgotten = "pgkeel_forgotten";

}  // namespace pgkeel::gateway
