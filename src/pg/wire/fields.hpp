// The parts messages are made of, read in place: numbers in network order, texts that end with a
// NUL, values with a length before them, and lists of those. Views into the body, nothing copied.
// It guarantees: nothing is read outside the body; a list is looked through once when it is taken,
// so that going over it afterwards cannot fail.
#pragma once

#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

namespace pgkeel::pg::wire {

[[nodiscard]] inline std::string_view text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline ByteSpan bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// A parameter or a column: its bytes, in text or binary format, or NULL.
using Value = std::optional<std::string_view>;

/// How a value is put; others than these two are for the receiver to refuse.
enum class Format : std::uint16_t { Text = 0, Binary = 1 };

/// Reads a body from its front. A short read sets failed() and gives nothing.
class FieldReader {
 public:
  explicit FieldReader(ByteSpan body) : body_(body), reader_(body) {}

  template <std::integral Number>
  Number number() {
    return reader_.read_be<Number>();
  }
  /// Up to the next NUL, which is taken too.
  std::string_view text() {
    const auto left = text_of(body_.subspan(reader_.offset(), reader_.remaining()));
    const auto end = left.find('\0');
    if (end == std::string_view::npos) {
      reader_.skip(reader_.remaining() + 1);
      return {};
    }
    reader_.skip(end + 1);
    return left.substr(0, end);
  }
  std::string_view bytes(std::size_t count) { return text_of(reader_.take(count)); }
  std::string_view rest() { return bytes(reader_.remaining()); }
  /// Length and bytes; the length -1 is NULL, others below zero cannot be.
  Value value() {
    const auto length = number<std::int32_t>();
    if (length == -1) return std::nullopt;
    return bytes(length < 0 ? body_.size() + 1 : static_cast<std::size_t>(length));
  }

  [[nodiscard]] bool failed() const { return reader_.failed(); }
  [[nodiscard]] std::size_t offset() const { return reader_.offset(); }
  [[nodiscard]] std::size_t remaining() const { return reader_.remaining(); }
  [[nodiscard]] ByteSpan since(std::size_t start) const {
    return body_.subspan(start, reader_.offset() - start);
  }
  /// Malformed unless the fields were all there and nothing is left behind them.
  [[nodiscard]] Result<void> finish(std::string_view message) const;

 private:
  ByteSpan body_;
  ByteReader reader_;
};

/// How an item of a list is read: one overload for each type that comes in lists.
inline void take(FieldReader& from, Value& item) { item = from.value(); }
inline void take(FieldReader& from, std::string_view& item) { item = from.text(); }
inline void take(FieldReader& from, Oid& item) { item = Oid(from.number<std::uint32_t>()); }
inline void take(FieldReader& from, Format& item) { item = Format{from.number<std::uint16_t>()}; }

/// Items one behind the other in a body. Valid as long as the body is.
template <class Item>
class WireList {
 public:
  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    Iterator() : rest_(ByteSpan()) {}
    Iterator(ByteSpan bytes, std::size_t count) : rest_(bytes), left_(count) { read(); }
    const Item& operator*() const { return item_; }
    const Item* operator->() const { return &item_; }
    Iterator& operator++() {
      --left_;
      read();
      return *this;
    }
    Iterator operator++(int) {
      auto before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.left_ == b.left_; }

   private:
    void read() {
      if (left_ > 0) take(rest_, item_);
    }

    FieldReader rest_;
    std::size_t left_ = 0;
    Item item_{};
  };

  WireList() = default;

  /// Takes `count` items off the front; the reader has failed when they are not all there.
  static WireList taken(FieldReader& from, std::size_t count) {
    WireList list;
    const auto start = from.offset();
    for (Item item; list.count_ < count && !from.failed(); ++list.count_) take(from, item);
    list.bytes_ = from.since(start);
    if (from.failed()) list.count_ = 0;
    return list;
  }
  /// The same with the count before them, as 16 bits.
  static WireList counted(FieldReader& from) { return taken(from, from.number<std::uint16_t>()); }

  [[nodiscard]] Iterator begin() const { return Iterator(bytes_, count_); }
  [[nodiscard]] Iterator end() const { return Iterator(); }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// As they came, without their count.
  [[nodiscard]] ByteSpan bytes() const { return bytes_; }

 private:
  ByteSpan bytes_;
  std::size_t count_ = 0;
};

}  // namespace pgkeel::pg::wire
