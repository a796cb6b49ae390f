// What one WAL record is made of: the blocks it touches, with page images and data, and its own
// data. src/include/access/xlogrecord.h of 13 to 18.
// It guarantees: every length is checked against what is there; spans point into the record.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "pg/wal/reader.hpp"

namespace pgkeel::pg {

/// XLR_MAX_BLOCK_ID + 1.
inline constexpr std::size_t kWalBlocksMax = 33;

enum class Fork : std::uint8_t { Main = 0, FreeSpace = 1, Visibility = 2, Init = 3 };

enum class ImageCompression : std::uint8_t { None, Pglz, Lz4, Zstd };

struct WalBlock {
  std::uint8_t id = 0;
  RelationFile file;
  Fork fork = Fork::Main;
  std::uint32_t number = 0;
  bool initialised = false;    ///< the record makes the whole page
  ByteSpan payload;            ///< what the record has to say of this block
  ByteSpan image;              ///< of the page, without its hole; empty: none
  bool image_applies = false;  ///< replay takes it; else it is for consistency checks
  ImageCompression compression = ImageCompression::None;
  std::uint16_t hole_offset = 0;
  std::uint16_t hole_bytes = 0;
};

class WalContents {
 public:
  /// Malformed when the record's lengths do not add up. Reuses its memory.
  [[nodiscard]] Result<void> read(const WalRecord& record, int major);

  [[nodiscard]] std::span<const WalBlock> blocks() const {
    return std::span(blocks_).first(block_count_);
  }
  /// The block with that id; null: the record has none.
  [[nodiscard]] const WalBlock* block(std::uint8_t id) const;
  [[nodiscard]] ByteSpan main() const { return main_; }
  /// Of which the record's xid is a subtransaction, where it is the first record of it.
  [[nodiscard]] ShortXid top_xid() const { return top_xid_; }

 private:
  bool read_header(ByteReader& header, std::uint8_t id);
  bool read_block(ByteReader& header, std::uint8_t id);
  void read_image_header(ByteReader& header, WalBlock& block);

  int major_ = 0;
  std::array<WalBlock, kWalBlocksMax> blocks_{};
  std::array<std::uint16_t, kWalBlocksMax> data_bytes_{};
  std::array<std::uint16_t, kWalBlocksMax> image_bytes_{};
  std::size_t block_count_ = 0;
  std::uint32_t main_bytes_ = 0;
  std::uint64_t expected_ = 0;  ///< of images and data announced so far
  ByteSpan main_;
  ShortXid top_xid_;
};

}  // namespace pgkeel::pg
