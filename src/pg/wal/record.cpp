// See record.hpp.
#include "pg/wal/record.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgkeel::pg {
namespace {

// Ids that are no blocks.
constexpr std::uint8_t kShortMain = 255;
constexpr std::uint8_t kLongMain = 254;
constexpr std::uint8_t kOrigin = 253;
constexpr std::uint8_t kTopXid = 252;
// fork_flags of a block.
constexpr std::uint8_t kForkMask = 0x0F;
constexpr std::uint8_t kHasImage = 0x10;
constexpr std::uint8_t kHasData = 0x20;
constexpr std::uint8_t kInitialises = 0x40;
constexpr std::uint8_t kSameFile = 0x80;
// bimg_info: 15 moved two bits to name the ways of compressing.
constexpr std::uint8_t kHasHole = 0x01;
constexpr std::uint8_t kCompressedBefore15 = 0x02;
constexpr std::uint8_t kAppliesBefore15 = 0x04;
constexpr std::uint8_t kApplies = 0x02;
constexpr std::uint8_t kPglz = 0x04;
constexpr std::uint8_t kLz4 = 0x08;
constexpr std::uint8_t kZstd = 0x10;

ImageCompression compression_of(std::uint8_t info, int major) {
  if (major < 15)
    return (info & kCompressedBefore15) != 0 ? ImageCompression::Pglz : ImageCompression::None;
  if ((info & kPglz) != 0) return ImageCompression::Pglz;
  if ((info & kLz4) != 0) return ImageCompression::Lz4;
  return (info & kZstd) != 0 ? ImageCompression::Zstd : ImageCompression::None;
}

RelationFile read_file(ByteReader& reader) {
  RelationFile file;
  file.tablespace = Oid(reader.read<std::uint32_t>());
  file.database = Oid(reader.read<std::uint32_t>());
  file.number = Oid(reader.read<std::uint32_t>());
  return file;
}

}  // namespace

void WalContents::read_image_header(ByteReader& header, WalBlock& block) {
  const auto bytes = header.read<std::uint16_t>();
  block.hole_offset = header.read<std::uint16_t>();
  const auto info = header.read<std::uint8_t>();
  block.compression = compression_of(info, major_);
  block.image_applies = (info & (major_ < 15 ? kAppliesBefore15 : kApplies)) != 0;
  const bool hole = (info & kHasHole) != 0;
  if (block.compression == ImageCompression::None)
    block.hole_bytes =
        hole && bytes <= kWalPageBytes ? static_cast<std::uint16_t>(kWalPageBytes - bytes) : 0;
  else if (hole) block.hole_bytes = header.read<std::uint16_t>();
  image_bytes_.at(block_count_) = bytes;
  expected_ += bytes;
}

bool WalContents::read_block(ByteReader& header, std::uint8_t id) {
  if (id >= kWalBlocksMax || block_count_ == kWalBlocksMax) return false;
  if (block_count_ > 0 && id <= blocks_.at(block_count_ - 1).id) return false;
  WalBlock block;
  block.id = id;
  const auto flags = header.read<std::uint8_t>();
  const auto data_bytes = header.read<std::uint16_t>();
  block.fork = Fork(flags & kForkMask);
  block.initialised = (flags & kInitialises) != 0;
  if (((flags & kHasData) != 0) != (data_bytes > 0)) return false;
  data_bytes_.at(block_count_) = data_bytes;
  image_bytes_.at(block_count_) = 0;
  expected_ += data_bytes;
  if ((flags & kHasImage) != 0) read_image_header(header, block);
  const bool same = (flags & kSameFile) != 0;
  if (same && block_count_ == 0) return false;
  block.file = same ? blocks_.at(block_count_ - 1).file : read_file(header);
  block.number = header.read<std::uint32_t>();
  blocks_.at(block_count_++) = block;
  return true;
}

bool WalContents::read_header(ByteReader& header, std::uint8_t id) {
  switch (id) {
    case kShortMain: main_bytes_ = header.read<std::uint8_t>(); break;
    case kLongMain: main_bytes_ = header.read<std::uint32_t>(); break;
    case kOrigin: header.skip(sizeof(std::uint16_t)); return true;
    case kTopXid: top_xid_ = ShortXid(header.read<std::uint32_t>()); return true;
    default: return read_block(header, id);
  }
  expected_ += main_bytes_;
  return true;
}

// Headers come first, one after the other; where as many bytes are left as they announced, the
// images and data begin.
Result<void> WalContents::read(const WalRecord& record, int major) {
  major_ = major;
  block_count_ = 0;
  main_bytes_ = 0;
  expected_ = 0;
  top_xid_ = ShortXid();
  ByteReader reader(record.body);
  bool good = true;
  while (good && reader.remaining() > expected_)
    good = read_header(reader, reader.read<std::uint8_t>()) && !reader.failed();
  if (!good || reader.failed() || reader.remaining() != expected_)
    return fail(
        ErrorCode::Malformed,
        fmt::format("the WAL record at {} is not what its lengths say", to_string(record.start)));
  for (std::size_t i = 0; i < block_count_; ++i) {
    blocks_.at(i).image = reader.take(image_bytes_.at(i));
    blocks_.at(i).payload = reader.take(data_bytes_.at(i));
  }
  main_ = reader.take(main_bytes_);
  return {};
}

const WalBlock* WalContents::block(std::uint8_t id) const {
  const auto all = blocks();
  const auto found = std::ranges::find(all, id, &WalBlock::id);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace pgkeel::pg
