// The 512-byte header of a tar member: ustar as the server writes it, with sizes above 8 GiB in
// base 256, and enough of pax and GNU for what other tars may hold.
// https://www.gnu.org/software/tar/manual/html_node/Standard.html
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pgkeel::archive {

inline constexpr std::size_t kTarBlockBytes = 512;
using TarBlock = std::array<std::byte, kTarBlockBytes>;
/// Two blocks of zeros end a tar.
inline constexpr std::size_t kTarEndBytes = 2 * kTarBlockBytes;

struct TarMember {
  enum class Type : char {
    File = '0',
    HardLink = '1',
    Symlink = '2',
    Directory = '5',
    PaxNext = 'x',
    PaxGlobal = 'g',
    GnuName = 'L',
    GnuLink = 'K',
  };
  std::string name;
  Type type = Type::File;
  std::uint64_t size_bytes = 0;  ///< of the content that follows; zero for links and directories
  std::uint32_t mode = 0600;
  std::int64_t modified_epoch_s = 0;
  std::string link_target;

  /// The content with what fills its last block.
  [[nodiscard]] std::uint64_t padded_bytes() const {
    return (size_bytes + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes;
  }
};

/// Malformed when the checksum is wrong or a field cannot be; Unsupported for other member types.
[[nodiscard]] Result<TarMember> parse_tar_header(ByteSpan block);
/// NotSupported when the name or target is too long for a plain ustar header.
[[nodiscard]] Result<TarBlock> make_tar_header(const TarMember& member);
[[nodiscard]] bool is_zero_block(ByteSpan block);

}  // namespace pgkeel::archive
