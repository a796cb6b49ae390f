// Puts messages one behind the other into a buffer of the caller's: nothing is allocated but what
// the buffer itself grows by. Every builder of a message is written with it.
// It guarantees: the length is right when the writer goes out of scope; a text with a NUL in it
// ends there, so that no text can pass for more fields.
#pragma once

#include <vector>

#include "base/check.hpp"
#include "pg/wire/fields.hpp"

namespace pgkeel::pg::wire {

using ByteBuffer = std::vector<std::byte>;

inline void put_bytes(ByteBuffer& out, ByteSpan bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

class MessageWriter {
 public:
  /// One with no type before its length, as all are that open a session.
  explicit MessageWriter(ByteBuffer& out) : out_(out), begun_(out.size()) {
    number(std::uint32_t{0});
  }
  MessageWriter(ByteBuffer& out, char type) : out_(out), begun_(out.size() + 1) {
    out.push_back(static_cast<std::byte>(type));
    number(std::uint32_t{0});
  }
  ~MessageWriter() {
    const auto length = out_.size() - begun_;
    CHECK(length <= INT32_MAX);
    const auto wire = in_network_order(static_cast<std::uint32_t>(length));
    std::memcpy(out_.data() + begun_, &wire, sizeof wire);
  }
  MessageWriter(const MessageWriter&) = delete;
  MessageWriter& operator=(const MessageWriter&) = delete;

  template <std::integral Number>
  MessageWriter& number(Number number) {
    const auto wire = in_network_order(number);
    put_bytes(out_, std::as_bytes(std::span(&wire, 1)));
    return *this;
  }
  /// With its NUL behind it.
  MessageWriter& text(std::string_view text) {
    put_bytes(out_, bytes_of(text.substr(0, text.find('\0'))));
    out_.push_back(std::byte{0});
    return *this;
  }
  MessageWriter& bytes(std::string_view bytes) {
    put_bytes(out_, bytes_of(bytes));
    return *this;
  }
  MessageWriter& value(const Value& value) {
    number(value ? static_cast<std::int32_t>(value->size()) : std::int32_t{-1});
    return value ? bytes(*value) : *this;
  }

  MessageWriter& put(const Value& item) { return value(item); }
  MessageWriter& put(std::string_view item) { return text(item); }
  MessageWriter& put(Oid item) { return number(item.value); }
  MessageWriter& put(Format item) { return number(static_cast<std::uint16_t>(item)); }

  /// A list with its count of 16 bits before it; `put` says how an item is written.
  template <class Items, class Put>
  MessageWriter& counted(const Items& items, Put put_item) {
    CHECK(items.size() <= UINT16_MAX);
    number(static_cast<std::uint16_t>(items.size()));
    for (const auto& item : items) put_item(*this, item);
    return *this;
  }
  template <class Items>
  MessageWriter& counted(const Items& items) {
    return counted(items, [](MessageWriter& writer, const auto& item) { writer.put(item); });
  }

 private:
  template <std::integral Number>
  static Number in_network_order(Number number) {
    return std::endian::native == std::endian::little ? std::byteswap(number) : number;
  }

  ByteBuffer& out_;
  std::size_t begun_;
};

/// A message that is its type alone: append_bare<frontend::Sync>(out).
template <class Message>
  requires(std::is_empty_v<Message>)
void append_bare(ByteBuffer& out) {
  const MessageWriter bare(out, Message::kType);
}

}  // namespace pgkeel::pg::wire
