// Two implementations of one polynomial; the choice is made once per process.
#include "base/crc32c.hpp"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace pgkeel {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78U;  // Castagnoli, bit-reversed

constexpr auto kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    table[i] = crc;
  }
  return table;
}();

std::uint32_t update_by_table(std::uint32_t crc, ByteSpan bytes) {
  for (const auto byte : bytes)
    crc = kTable[(crc ^ static_cast<std::uint32_t>(byte)) & 0xFFU] ^ (crc >> 8U);
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t update_by_instruction(std::uint32_t crc,
                                                                      ByteSpan bytes) {
  while (bytes.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    crc = static_cast<std::uint32_t>(_mm_crc32_u64(crc, word));
    bytes = bytes.subspan(sizeof word);
  }
  for (const auto byte : bytes) crc = _mm_crc32_u8(crc, static_cast<unsigned char>(byte));
  return crc;
}
#endif

std::uint32_t updated(std::uint32_t crc, ByteSpan bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return update_by_instruction(crc, bytes);
#endif
  return update_by_table(crc, bytes);
}

}  // namespace

std::uint32_t crc32c(ByteSpan bytes) { return ~updated(0xFFFFFFFFU, bytes); }

void Crc32c::update(ByteSpan bytes) { state_ = updated(state_, bytes); }

}  // namespace pgkeel
