// The checksums a backup_manifest may hold of a file, over bytes that come in parts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/crc32c.hpp"

struct evp_md_ctx_st;

namespace pgkeel::pg {

enum class ChecksumAlgorithm : std::uint8_t { None, Crc32c, Sha224, Sha256, Sha384, Sha512 };

/// "CRC32C", as manifests and BASE_BACKUP spell it, in any case.
[[nodiscard]] std::optional<ChecksumAlgorithm> parse_checksum_algorithm(std::string_view name);

class FileChecksum {
 public:
  explicit FileChecksum(ChecksumAlgorithm algorithm);
  void update(ByteSpan bytes);
  /// Lower-case hex as in a manifest (a CRC's bytes lowest first); empty for None. Called once.
  [[nodiscard]] std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  ChecksumAlgorithm algorithm_;
  Crc32c crc_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace pgkeel::pg
