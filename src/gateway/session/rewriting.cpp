// See rewriting.hpp.
#include "gateway/session/rewriting.hpp"

#include "pg/wire/fields.hpp"
#include "pg/wire/writer.hpp"

namespace pgkeel::gateway {

namespace frontend = pg::wire::frontend;
using pg::wire::ByteBuffer;

std::string_view text_before_nul(ByteSpan text_and_more) {
  const auto all = pg::wire::text_of(text_and_more);
  return all.substr(0, all.find('\0'));
}

ByteBuffer header_bytes(pg::wire::FrameHeader header) {
  ByteBuffer bytes;
  bytes.push_back(static_cast<std::byte>(header.type));
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<std::byte>(header.length >> shift));
  return bytes;
}

ByteBuffer parse_message(std::string_view name, ByteSpan text_and_types) {
  ByteBuffer out;
  pg::wire::MessageWriter(out, frontend::Parse::kType)
      .text(name)
      .bytes({reinterpret_cast<const char*>(text_and_types.data()), text_and_types.size()});
  return out;
}

ByteBuffer deallocate_stand_in(ByteSpan text_and_types) {
  ByteBuffer out;
  const auto put = [&](std::string_view text) {
    pg::wire::put_bytes(out,
                        ByteSpan(reinterpret_cast<const std::byte*>(text.data()), text.size()));
  };
  put("DEALLOCATE ");
  put(kForgotten);
  pg::wire::put_bytes(out, text_and_types.subspan(text_before_nul(text_and_types).size()));
  return out;
}

}  // namespace pgkeel::gateway
