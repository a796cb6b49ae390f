// See tar_header.hpp. Offsets are those of POSIX ustar.
#include "archive/base_backup/tar_header.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kType{156, 1};
constexpr Field kLink{157, 100};
constexpr Field kMagic{257, 8};
constexpr Field kPrefix{345, 155};

constexpr std::string_view kUstar{
    "ustar\0"
    "00",
    8};
constexpr std::uint64_t kOctalSizeMax = 077'777'777'777ULL;  // 8 GiB - 1
constexpr std::uint64_t kSizeMax = 1ULL << 50U;  // more than any file; sums of it do not overflow
constexpr std::byte kBase256{0x80};

ByteSpan field_of(ByteSpan block, Field field) { return block.subspan(field.at, field.size); }

std::string text_of(ByteSpan bytes) {
  const auto end = std::ranges::find(bytes, std::byte{0});
  return {reinterpret_cast<const char*>(bytes.data()),
          static_cast<std::size_t>(end - bytes.begin())};
}

std::optional<std::uint64_t> base256_of(ByteSpan bytes) {
  std::uint64_t value = std::to_integer<std::uint64_t>(bytes[0] & ~kBase256);
  for (const auto byte : bytes.subspan(1)) {
    if (value >> 56U != 0) return std::nullopt;
    value = value << 8U | std::to_integer<std::uint64_t>(byte);
  }
  return value;
}

// Octal digits between optional blanks; an empty field is zero, as GNU tar reads it.
std::optional<std::uint64_t> number_of(ByteSpan bytes) {
  if ((bytes[0] & kBase256) != std::byte{0}) return base256_of(bytes);
  std::uint64_t value = 0;
  auto text = std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  for (const char digit : text) {
    if (digit == ' ' || digit == '\0') break;
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value << 3U | static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

std::uint64_t checksum_of(ByteSpan block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
    sum += own ? ' ' : std::to_integer<std::uint64_t>(block[i]);
  }
  return sum;
}

std::optional<TarMember::Type> type_of(std::byte flag) {
  constexpr std::string_view kKnown = "0125xgLK";
  const char letter = static_cast<char>(flag);
  if (letter == '\0' || letter == '7') return TarMember::Type::File;
  if (kKnown.find(letter) == std::string_view::npos) return std::nullopt;
  return static_cast<TarMember::Type>(letter);
}

bool has_content(TarMember::Type type) {
  return type != TarMember::Type::HardLink && type != TarMember::Type::Symlink &&
         type != TarMember::Type::Directory;
}

std::string full_name(ByteSpan block) {
  const auto name = text_of(field_of(block, kName));
  if (text_of(field_of(block, kMagic)) != "ustar") return name;
  const auto prefix = text_of(field_of(block, kPrefix));
  return prefix.empty() ? name : prefix + "/" + name;
}

void put_text(TarBlock& block, Field field, std::string_view text) {
  std::ranges::copy(std::as_bytes(std::span(text.substr(0, field.size))),
                    block.begin() + static_cast<std::ptrdiff_t>(field.at));
}

void put_octal(TarBlock& block, Field field, std::uint64_t value) {
  put_text(block, field, fmt::format("{:0{}o}", value, field.size - 1));
}

void put_size(TarBlock& block, std::uint64_t value) {
  if (value <= kOctalSizeMax) return put_octal(block, kSize, value);
  for (std::size_t i = 0; i < 8; ++i)
    block[kSize.at + kSize.size - 1 - i] = static_cast<std::byte>(value >> (8 * i));
  block[kSize.at] = kBase256;
}

/// Where to cut a long name so that both halves fit; npos when there is no such slash.
std::size_t cut_of(std::string_view name) {
  if (name.size() <= kName.size) return 0;
  const auto cut = name.find('/', name.size() - kName.size - 1);
  const bool fits = cut != std::string_view::npos && cut <= kPrefix.size && cut + 1 < name.size();
  return fits ? cut : std::string_view::npos;
}

}  // namespace

bool is_zero_block(ByteSpan block) {
  return std::ranges::all_of(block, [](std::byte byte) { return byte == std::byte{0}; });
}

Result<TarMember> parse_tar_header(ByteSpan block) {
  if (block.size() != kTarBlockBytes || number_of(field_of(block, kChecksum)) != checksum_of(block))
    return fail(ErrorCode::Malformed, "a tar header's checksum is not right");
  const auto type = type_of(block[kType.at]);
  if (!type) return fail(ErrorCode::Unsupported, "a tar member of an unknown type");
  const auto size = number_of(field_of(block, kSize));
  const auto mode = number_of(field_of(block, kMode));
  const auto time = number_of(field_of(block, kTime));
  if (!size || *size > kSizeMax || !mode || !time)
    return fail(ErrorCode::Malformed, "a tar header holds an impossible number");
  TarMember member;
  member.name = full_name(block);
  member.type = *type;
  member.size_bytes = has_content(*type) ? *size : 0;
  member.mode = static_cast<std::uint32_t>(*mode & 07777U);
  member.modified_epoch_s = static_cast<std::int64_t>(std::min(*time, kSizeMax));
  member.link_target = text_of(field_of(block, kLink));
  return member;
}

Result<TarBlock> make_tar_header(const TarMember& member) {
  const auto cut = cut_of(member.name);
  if (cut == std::string_view::npos || member.link_target.size() > kLink.size)
    return fail(ErrorCode::NotSupported, fmt::format("{} is too long for tar", member.name));
  TarBlock block{};
  const std::string_view name = member.name;
  put_text(block, kName, cut == 0 ? name : name.substr(cut + 1));
  put_text(block, kPrefix, name.substr(0, cut));
  put_octal(block, kMode, member.mode & 07777U);
  put_octal(block, kUid, 0);
  put_octal(block, kGid, 0);
  put_size(block, member.size_bytes);
  put_octal(block, kTime,
            static_cast<std::uint64_t>(std::max<std::int64_t>(0, member.modified_epoch_s)));
  block[kType.at] = static_cast<std::byte>(member.type);
  put_text(block, kLink, member.link_target);
  put_text(block, kMagic, kUstar);
  put_text(block, kChecksum, fmt::format("{:06o}", checksum_of(block)) + std::string("\0 ", 2));
  return block;
}

}  // namespace pgkeel::archive
