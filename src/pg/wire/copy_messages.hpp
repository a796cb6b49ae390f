// The messages of a COPY that both sides send.
#pragma once

#include "pg/wire/writer.hpp"

namespace pgkeel::pg::wire {

/// Its body is the data, cut anywhere.
struct CopyData {
  static constexpr char kType = 'd';
};
struct CopyDone {
  static constexpr char kType = 'c';
};

/// A CopyData of `head` and `rest`.
inline void append_copy_data(ByteBuffer& out, ByteSpan head, ByteSpan rest = {}) {
  MessageWriter(out, CopyData::kType).bytes(text_of(head)).bytes(text_of(rest));
}

}  // namespace pgkeel::pg::wire
