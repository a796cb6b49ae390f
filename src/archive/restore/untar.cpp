// See untar.hpp. https://www.gnu.org/software/tar/manual/html_node/Standard.html
#include "archive/restore/untar.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

constexpr std::uint64_t kLongNameMax = 4096;  // PATH_MAX

// The name as a path that stays below where it is put; empty when it would not.
std::string safe_name(const std::string& name) {
  const auto path = std::filesystem::path(name).lexically_normal();
  if (path.is_absolute()) return {};
  for (const auto& part : path)
    if (part == "..") return {};
  auto text = path.string();
  while (text.ends_with('/')) text.pop_back();
  return text;
}

Result<MemberKind> kind_of(TarMember::Type type) {
  switch (type) {
    case TarMember::Type::File: return MemberKind::File;
    case TarMember::Type::Directory: return MemberKind::Directory;
    case TarMember::Type::Symlink: return MemberKind::Symlink;
    default: break;
  }
  return fail(ErrorCode::Malformed,
              fmt::format("a member of type '{}', which no backup holds", static_cast<char>(type)));
}

Result<Member> member_of(TarMember header, const std::string& long_name) {
  TRY(kind, kind_of(header.type));
  const auto& name = long_name.empty() ? header.name : long_name;
  Member member{safe_name(name), kind, header.size_bytes, header.mode & 0777U,
                std::move(header.link_target)};
  if (member.name.empty()) return fail(ErrorCode::Malformed, "a member named \"" + name + "\"");
  return member;
}

}  // namespace

Result<bool> TarReader::read_block() {
  std::size_t filled = 0;
  while (filled < kTarBlockBytes) {
    TRY(got, source_->read(std::span(block_).subspan(filled)));
    if (got == 0) break;
    filled += got;
  }
  offset_ += filled;
  if (filled != 0 && filled != kTarBlockBytes)
    return fail(ErrorCode::Malformed, fmt::format("the tar ends inside a block at {}", offset_));
  return filled != 0;
}

Result<void> TarReader::skip_rest() {
  std::array<std::byte, 8192> trash{};
  left_ += padding_;
  padding_ = 0;
  while (left_ > 0) {
    const auto want = std::min<std::uint64_t>(left_, trash.size());
    TRY(got, source_->read(std::span(trash).first(want)));
    if (got == 0) return fail(ErrorCode::Malformed, "the tar ends inside a member");
    left_ -= got;
    offset_ += got;
  }
  return {};
}

Result<std::string> TarReader::read_long_name(std::uint64_t size) {
  if (size > kLongNameMax) return fail(ErrorCode::Malformed, "a member's name is too long");
  std::string name(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    TRY(got, read(std::as_writable_bytes(std::span(name)).subspan(filled)));
    if (got == 0) return fail(ErrorCode::Malformed, "the tar ends inside a name");
    filled += got;
  }
  return name.substr(0, name.find('\0'));
}

// A second block of zeros, then nothing but zeros (tar pads to its record size).
Result<void> TarReader::expect_end() {
  while (true) {
    TRY(more, read_block());
    if (!more) return {};
    if (!is_zero_block(block_))
      return fail(ErrorCode::Malformed,
                  fmt::format("bytes after the end of the tar at {}", offset_));
  }
}

Result<std::optional<Member>> TarReader::next() {
  TRY_VOID(skip_rest());
  std::string long_name;
  while (true) {
    TRY(more, read_block());
    if (!more) return fail(ErrorCode::Malformed, "the tar has no end: it was cut off");
    if (is_zero_block(block_)) {
      TRY_VOID(expect_end());
      return std::nullopt;
    }
    auto header = parse_tar_header(block_);
    if (!header)
      return fail(std::move(header).error().with_context(
          fmt::format("read the tar at {}", offset_ - kTarBlockBytes)));
    left_ = header->size_bytes;
    padding_ = header->padded_bytes() - header->size_bytes;
    if (header->type == TarMember::Type::GnuName) {
      TRY(name, read_long_name(left_));
      long_name = name;
      TRY_VOID(skip_rest());
      continue;
    }
    TRY(member, member_of(*std::move(header), long_name));
    return member;
  }
}

Result<std::size_t> TarReader::read(std::span<std::byte> into) {
  const auto want = std::min<std::uint64_t>(left_, into.size());
  if (want == 0) return std::size_t{0};
  TRY(got, source_->read(into.first(want)));
  if (got == 0) return fail(ErrorCode::Malformed, "the tar ends inside a member");
  left_ -= got;
  offset_ += got;
  return got;
}

}  // namespace pgkeel::archive
