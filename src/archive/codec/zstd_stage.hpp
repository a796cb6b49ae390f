// zstd as a stage: a frame with a checksum, compressed on `threads` threads of libzstd's own.
// Memory is bounded by design: jobs are small on purpose (some 10 MiB with two threads at level 3),
// and a reader refuses frames that ask for a larger window than a writer here ever uses.
#pragma once

#include <memory>

#include "archive/codec/stream.hpp"

namespace pgkeel::archive {

inline constexpr int kZstdLevelMax = 19;      ///< above, memory grows and the window with it
inline constexpr int kZstdWindowLogMax = 23;  ///< 8 MiB, what level 19 takes

/// `threads` 0: the calling one compresses. Levels are held to 1..kZstdLevelMax.
[[nodiscard]] std::unique_ptr<Sink> make_zstd_sink(std::unique_ptr<Sink> next, int level,
                                                   int threads);

/// One frame or several, each whole, and nothing after; Malformed, with the offset, otherwise.
[[nodiscard]] std::unique_ptr<Source> make_zstd_source(std::unique_ptr<Source> from);

}  // namespace pgkeel::archive
