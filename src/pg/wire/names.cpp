// See names.hpp.
#include "pg/wire/names.hpp"

namespace pgkeel::pg::wire {
namespace {

/// Type and new length behind what `out` holds. Malformed as read_header() says.
Result<void> append_header(ByteBuffer& out, FrameHeader header, std::size_t front_was,
                           std::size_t front_becomes) {
  const auto length = std::uint64_t{header.length} - front_was + front_becomes;
  if (front_was > header.body_bytes() || length > UINT32_MAX)
    return fail(ErrorCode::Malformed, "names that do not fit into their message");
  auto wire = static_cast<std::uint32_t>(length);
  if constexpr (std::endian::native == std::endian::little) wire = std::byteswap(wire);
  std::array<std::byte, kHeaderBytes> bytes{static_cast<std::byte>(header.type)};
  std::memcpy(bytes.data() + 1, &wire, sizeof wire);
  TRY_VOID(read_header(Sender::Frontend, bytes));
  put_bytes(out, bytes);
  return {};
}

void append_text(ByteBuffer& out, std::string_view text) {
  put_bytes(out, bytes_of(text));
  out.push_back(std::byte{0});
}

}  // namespace

std::optional<BindNames> peek_bind_names(ByteSpan front) {
  FieldReader reader(front);
  BindNames names;
  names.portal = reader.text();
  names.statement = reader.text();
  if (reader.failed()) return std::nullopt;
  return names;
}

std::optional<std::string_view> peek_parse_name(ByteSpan front) {
  FieldReader reader(front);
  const auto name = reader.text();
  if (reader.failed()) return std::nullopt;
  return name;
}

Result<void> append_renamed_bind(ByteBuffer& out, FrameHeader header, const BindNames& was,
                                 const BindNames& becomes) {
  TRY_VOID(append_header(out, header, was.bytes(), becomes.bytes()));
  append_text(out, becomes.portal);
  append_text(out, becomes.statement);
  return {};
}

Result<void> append_renamed_parse(ByteBuffer& out, FrameHeader header, std::string_view was,
                                  std::string_view becomes) {
  TRY_VOID(append_header(out, header, was.size() + 1, becomes.size() + 1));
  append_text(out, becomes);
  return {};
}

}  // namespace pgkeel::pg::wire
