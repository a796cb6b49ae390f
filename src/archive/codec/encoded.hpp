// An object of the archive as it is stored: zstd, then (with a key) sealed in authenticated chunks,
// with the SHA-256 of the plain and of the stored bytes taken on the way. The suffix of its key
// says how it was made: ".zst" or ".zst.sealed".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "archive/codec/key.hpp"
#include "archive/codec/stream.hpp"
#include "archive/storage/store.hpp"

namespace pgkeel::archive {

/// Whether StoredObject::plain_sha256 is wanted; it costs a sixth of a backup's work, and the files
/// in a shard have checksums of their own in the manifest.
enum class PlainDigest { Take, Skip };

struct Encoding {
  int level = 3;                  ///< of zstd
  int threads = 1;                ///< that compress; 0: the calling one
  std::optional<ArchiveKey> key;  ///< none: not encrypted
  PlainDigest plain_digest = PlainDigest::Take;
  [[nodiscard]] std::string suffix() const { return key ? ".zst.sealed" : ".zst"; }
};

/// What is remembered of a stored object, and checked when it is read again.
struct StoredObject {
  std::string key;  ///< with its suffix
  std::uint64_t plain_bytes = 0;
  std::uint64_t stored_bytes = 0;
  std::string sha256;        ///< of the stored bytes, hex
  std::string plain_sha256;  ///< empty with PlainDigest::Skip
};

/// Writes one object: write(), write() ..., then finish() commits it. `key` is without suffix.
class EncodedWriter {
 public:
  static Result<std::unique_ptr<EncodedWriter>> create(Store& store, const std::string& key,
                                                       const Encoding& encoding, Replace replace);
  virtual ~EncodedWriter() = default;
  virtual Result<void> write(ByteSpan bytes) = 0;
  virtual Result<StoredObject> finish() = 0;
};

/// The plain bytes of a stored object. With `expected` the stored bytes are compared to its SHA-256
/// and length before the end is reported. Malformed: damaged, with the key and the offset;
/// AuthFailed: none of the keys opens it.
[[nodiscard]] Result<std::unique_ptr<Source>> read_encoded(Store& store, const std::string& key,
                                                           const KeyRing& keys,
                                                           const StoredObject* expected = nullptr);

/// The whole of a small stored object; Malformed when its plain form is larger than `bytes_max`.
[[nodiscard]] Result<std::string> read_encoded_text(Store& store, const std::string& key,
                                                    const KeyRing& keys, std::size_t bytes_max);

}  // namespace pgkeel::archive
