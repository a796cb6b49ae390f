// What every fuzz target shares: the entry point libFuzzer and replay.cpp both call, and the input
// as the decoders take it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace pgkeel::test {

/// The input as text. Not terminated, and never null.
[[nodiscard]] inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return size == 0 ? std::string_view("")
                   : std::string_view(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace pgkeel::test
