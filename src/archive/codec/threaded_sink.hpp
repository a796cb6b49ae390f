// A sink that works on a thread of its own behind a bounded queue: what writes into it waits for
// nothing but a full queue. An error of the thread is reported by the next write() or by finish().
// Destroyed before finish(), it ends the thread without finishing what is behind it.
#pragma once

#include <memory>

#include "archive/codec/stream.hpp"

namespace pgkeel::archive {

/// Eight blocks of 256 KiB: enough that neither side waits for the other's next system call.
inline constexpr std::size_t kQueueBlockBytes = 256U << 10U;
inline constexpr std::size_t kQueueBlocks = 8;

/// `next` is written, finished and destroyed by the new thread only.
[[nodiscard]] std::unique_ptr<Sink> make_threaded_sink(std::unique_ptr<Sink> next);

}  // namespace pgkeel::archive
