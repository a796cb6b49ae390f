// Bytes on their way: pushed into a Sink or pulled from a Source. Compression, encryption and
// digests are such stages, joined by codec/encoded.hpp.
// A Sink's finish() is called exactly once, after the last write; without it what was written is
// not complete and must not be used.
#pragma once

#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pgkeel::archive {

class Sink {
 public:
  Sink() = default;
  virtual ~Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  virtual Result<void> write(ByteSpan bytes) = 0;
  virtual Result<void> finish() = 0;
};

class Source {
 public:
  Source() = default;
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// Fills at most `into`; 0 at the end, and only when the end is proven to be the true one.
  virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

}  // namespace pgkeel::archive
