// CRC-32C (Castagnoli), the checksum of pg_control and of WAL records. Hardware instruction where
// the processor has it, table otherwise.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace pgkeel {

/// The finished CRC (initial and final inversion done), as PostgreSQL stores it.
[[nodiscard]] std::uint32_t crc32c(ByteSpan bytes);

/// The same over bytes that come in parts.
class Crc32c {
 public:
  void update(ByteSpan bytes);
  [[nodiscard]] std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xFFFFFFFFU;
};

}  // namespace pgkeel
