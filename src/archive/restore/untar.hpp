// A tar as the server writes it (ustar; sizes over 8 GiB in base 256; GNU long names), read member
// by member from a Source. Bounded: only a header is ever held.
// It refuses what could leave the directory it is unpacked into: absolute names, "..", hard links,
// devices.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "archive/base_backup/tar_header.hpp"
#include "archive/codec/stream.hpp"

namespace pgkeel::archive {

enum class MemberKind { File, Directory, Symlink };

struct Member {
  std::string name;  ///< relative, normalised: no leading "./", no trailing "/"
  MemberKind kind = MemberKind::File;
  std::uint64_t size_bytes = 0;
  unsigned mode = 0600;
  std::string link_target;  ///< of a symlink
};

class TarReader {
 public:
  explicit TarReader(Source& source) : source_(&source) {}
  /// The next member, what was left of the one before skipped; nullopt at the end of the tar, when
  /// the source has ended too. Malformed with the offset.
  Result<std::optional<Member>> next();
  /// The content of the present member; 0 at its end.
  Result<std::size_t> read(std::span<std::byte> into);

 private:
  Result<bool> read_block();
  Result<void> skip_rest();
  Result<std::string> read_long_name(std::uint64_t size);
  Result<void> expect_end();

  Source* source_;
  std::uint64_t offset_ = 0;
  std::uint64_t left_ = 0;     ///< content bytes not read yet
  std::uint64_t padding_ = 0;  ///< after the content, up to a whole block
  TarBlock block_{};
};

}  // namespace pgkeel::archive
