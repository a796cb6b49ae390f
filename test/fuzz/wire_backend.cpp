// A server, or what stands for it, may say anything. Goal: however its stream is cut the same
// messages come out; what the codec takes of them it writes again byte for byte.
#include "fuzz/wire_walk.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  return pgkeel::test::walk_and_recode(pgkeel::test::wire::Sender::Backend, input, size);
}
