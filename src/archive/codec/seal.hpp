// Sealing: AES-256-GCM in chunks of 1 MiB after the STREAM construction, so that a reader uses
// nothing that was not authenticated, in constant memory, and notices when chunks are missing,
// doubled or in another order. There is always a last chunk, an empty one if need be.
#pragma once

#include <cstddef>
#include <memory>

#include "archive/codec/key.hpp"
#include "archive/codec/stream.hpp"

namespace pgkeel::archive {

//   header, 64 bytes   "pgkeel\0\1", key id (8), salt (32), chunk bytes (4, big-endian), zeros (12)
//   chunk i            ciphertext of at most "chunk bytes" bytes, then its tag (16)
//
// The object's own key is HKDF-SHA256(archive key, salt, "pgkeel seal 1"); the nonce of chunk i is
// i in 11 bytes, big-endian, then 1 for the last chunk and 0 for the others; the header is the
// associated data of every chunk. GCM's ciphertext is AES-256-CTR from nonce||00000002, which
// by_hand/restore-by-hand.sh relies on.
inline constexpr std::size_t kSealHeaderBytes = 64;
inline constexpr std::size_t kSealChunkBytes = 1U << 20U;

/// Seals what is written and passes it on.
[[nodiscard]] std::unique_ptr<Sink> make_sealing_sink(std::unique_ptr<Sink> next,
                                                      const ArchiveKey& key);

/// The plain bytes of a sealed `from`. read(): AuthFailed when `keys` has no key of that id;
/// Unsupported for a later format; Malformed, with the chunk's offset, for anything that was
/// changed, cut or moved.
[[nodiscard]] std::unique_ptr<Source> make_unsealing_source(std::unique_ptr<Source> from,
                                                            const KeyRing& keys);

}  // namespace pgkeel::archive
