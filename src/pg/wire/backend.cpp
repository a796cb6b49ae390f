// See backend.hpp.
#include "pg/wire/backend.hpp"

#include <bit>

namespace pgkeel::pg {
namespace {

template <class Number>
void put(std::vector<std::byte>& out, Number number) {
  if constexpr (std::endian::native == std::endian::little) number = std::byteswap(number);
  const auto bytes = std::as_bytes(std::span(&number, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_bytes(std::vector<std::byte>& out, ByteSpan bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

// The length is filled in at the end; it counts itself and not the type.
std::size_t BackendWriter::begin(char type) {
  byte(type);
  const auto begun = out_.size();
  put(out_, std::uint32_t{0});
  return begun;
}

void BackendWriter::end(std::size_t begun) {
  auto length = static_cast<std::uint32_t>(out_.size() - begun);
  if constexpr (std::endian::native == std::endian::little) length = std::byteswap(length);
  std::memcpy(out_.data() + begun, &length, sizeof length);
}

void BackendWriter::text(std::string_view text) {
  put_bytes(out_, std::as_bytes(std::span(text)));
  byte('\0');
}

void BackendWriter::authentication_ok() {
  const auto message = begin('R');
  put(out_, std::uint32_t{0});
  end(message);
}

void BackendWriter::parameter_status(std::string_view name, std::string_view value) {
  const auto message = begin('S');
  text(name);
  text(value);
  end(message);
}

void BackendWriter::ready_for_query() {
  const auto message = begin('Z');
  byte('I');
  end(message);
}

void BackendWriter::row_description(std::span<const ResultColumn> columns) {
  const auto message = begin('T');
  put(out_, static_cast<std::uint16_t>(columns.size()));
  for (const auto& column : columns) {
    text(column.name);
    put(out_, std::uint32_t{0});  // of no table
    put(out_, std::uint16_t{0});
    put(out_, column.type.value);
    put(out_, static_cast<std::uint16_t>(column.type == kInt4Type ? 4 : -1));
    put(out_, static_cast<std::uint32_t>(-1));
    put(out_, std::uint16_t{0});  // text
  }
  end(message);
}

void BackendWriter::row(std::span<const std::optional<std::string_view>> values) {
  const auto message = begin('D');
  put(out_, static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    put(out_, value ? static_cast<std::uint32_t>(value->size()) : static_cast<std::uint32_t>(-1));
    if (value) put_bytes(out_, std::as_bytes(std::span(*value)));
  }
  end(message);
}

void BackendWriter::command_complete(std::string_view tag) {
  const auto message = begin('C');
  text(tag);
  end(message);
}

void BackendWriter::copy_both() {
  const auto message = begin('W');
  byte('\0');  // text, as the server says it, though what follows is not
  put(out_, std::uint16_t{0});
  end(message);
}

void BackendWriter::copy_done() { end(begin('c')); }

void BackendWriter::error(const ErrorFields& fields) {
  const auto message = begin('E');
  const auto field = [this](char code, std::string_view value) {
    if (value.empty()) return;
    byte(code);
    text(value);
  };
  field('S', fields.severity);
  field('V', fields.severity);
  field('C', fields.sqlstate);
  field('M', fields.message);
  field('H', fields.hint);
  byte('\0');
  end(message);
}

void BackendWriter::copy_data(ByteSpan head, ByteSpan rest) {
  const auto message = begin('d');
  put_bytes(out_, head);
  put_bytes(out_, rest);
  end(message);
}

void BackendWriter::sent(std::size_t bytes) {
  sent_ += bytes;
  // Now and then, so that what never runs empty does not grow.
  if (sent_ < out_.size() && sent_ < kSentMax) return;
  out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
  sent_ = 0;
}

}  // namespace pgkeel::pg
