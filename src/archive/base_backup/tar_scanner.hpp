// A tar taken apart while it comes: pushed in pieces of any size, told to a visitor member by
// member, in constant memory. It guarantees that nothing is told of a member whose header is
// damaged. It does not judge names: a visitor that writes files must.
#pragma once

#include <vector>

#include "archive/base_backup/tar_header.hpp"

namespace pgkeel::archive {

class TarVisitor {
 public:
  TarVisitor() = default;
  virtual ~TarVisitor() = default;
  TarVisitor(const TarVisitor&) = delete;
  TarVisitor& operator=(const TarVisitor&) = delete;

  /// A member begins. Its name, target and size are the long ones where the tar has such;
  /// `headers` are its header blocks as they came, those of long names before it included.
  virtual Result<void> begin(const TarMember& member, ByteSpan headers) = 0;
  virtual Result<void> content(ByteSpan bytes) = 0;
  /// All its content has come. `padding` filled its last block.
  virtual Result<void> end(ByteSpan padding) = 0;
};

class TarScanner {
 public:
  explicit TarScanner(TarVisitor& visitor) : visitor_(visitor) {}
  /// Malformed; what the visitor answers.
  Result<void> push(ByteSpan bytes);
  /// Nothing more comes. Malformed in the middle of a member, or when there was no end and `end` is
  /// Required: the server of majors 13 and 14 sends none.
  enum class End { Required, Optional };
  Result<void> finish(End end) const;

 private:
  Result<std::size_t> take_header(ByteSpan bytes);
  Result<std::size_t> take_content(ByteSpan bytes);
  Result<void> header_complete();
  Result<void> extension_complete();
  Result<void> begin_member();
  Result<void> end_member();

  enum class At { Header, Extension, Content, Padding, Ended };
  TarVisitor& visitor_;
  At at_ = At::Header;
  TarMember member_;
  std::vector<std::byte> headers_;  // of the member to come
  std::size_t block_at_ = 0;        // where in headers_ the present header or extension begins
  std::uint64_t left_ = 0;          // of the content or padding
  std::vector<std::byte> padding_;
  std::uint64_t offset_ = 0;
  std::string long_name_;
  std::string long_link_;
  std::uint64_t long_size_ = 0;
  bool has_long_size_ = false;
};

}  // namespace pgkeel::archive
