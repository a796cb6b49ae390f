// See tar_scanner.hpp.
#include "archive/base_backup/tar_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

using Type = TarMember::Type;

constexpr std::uint64_t kExtensionBytesMax = 64U << 10U;  // a long name, not a content
constexpr std::size_t kHeadersBytesMax = 4 * kExtensionBytesMax;

bool is_extension(Type type) {
  return type == Type::PaxNext || type == Type::PaxGlobal || type == Type::GnuName ||
         type == Type::GnuLink;
}

std::string_view view_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

struct PaxRecord {
  std::string_view name;
  std::string_view value;
};

/// "LENGTH NAME=VALUE\n", taken off the front of `text`; nullopt when it is not one.
std::optional<PaxRecord> take_record(std::string_view& text) {
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto size = number_of(text.substr(0, blank));
  if (!size || *size > text.size() || *size < blank + 3) return std::nullopt;
  const auto record = text.substr(blank + 1, *size - blank - 2);
  const auto equals = record.find('=');
  if (text[*size - 1] != '\n' || equals == std::string_view::npos) return std::nullopt;
  text.remove_prefix(*size);
  return PaxRecord{record.substr(0, equals), record.substr(equals + 1)};
}

}  // namespace

Result<void> TarScanner::push(ByteSpan bytes) {
  while (!bytes.empty()) {
    if (at_ == At::Ended) {
      if (is_zero_block(bytes)) return {};
      return fail(ErrorCode::Malformed, "something follows the end of a tar");
    }
    auto taken = at_ == At::Header ? take_header(bytes) : take_content(bytes);
    if (!taken)
      return fail(std::move(taken).error().with_context(fmt::format("tar offset {}", offset_)));
    offset_ += *taken;
    bytes = bytes.subspan(*taken);
  }
  return {};
}

Result<void> TarScanner::finish(End end) const {
  const bool between = at_ == At::Header && headers_.empty();
  if (at_ == At::Ended || (between && end == End::Optional)) return {};
  return fail(ErrorCode::Malformed, fmt::format("a tar ends in the middle (offset {})", offset_));
}

Result<std::size_t> TarScanner::take_header(ByteSpan bytes) {
  const auto missing = kTarBlockBytes - (headers_.size() - block_at_);
  const auto part = bytes.first(std::min(missing, bytes.size()));
  headers_.insert(headers_.end(), part.begin(), part.end());
  if (part.size() == missing) TRY_VOID(header_complete());
  return part.size();
}

Result<void> TarScanner::header_complete() {
  const auto block = ByteSpan(headers_).subspan(block_at_);
  if (is_zero_block(block)) {
    if (block_at_ != 0) return fail(ErrorCode::Malformed, "a tar ends behind a long name");
    at_ = At::Ended;
    return {};
  }
  TRY(member, parse_tar_header(block));
  member_ = std::move(member);
  left_ = member_.padded_bytes();
  if (!is_extension(member_.type)) return begin_member();
  if (member_.size_bytes > kExtensionBytesMax || headers_.size() > kHeadersBytesMax)
    return fail(ErrorCode::Malformed, "a name in a tar is too long");
  block_at_ = headers_.size();
  at_ = At::Extension;
  if (left_ == 0) return extension_complete();
  return {};
}

Result<std::size_t> TarScanner::take_content(ByteSpan bytes) {
  const auto part =
      bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
  left_ -= part.size();
  if (at_ == At::Extension) headers_.insert(headers_.end(), part.begin(), part.end());
  else if (at_ == At::Padding) padding_.insert(padding_.end(), part.begin(), part.end());
  else TRY_VOID(visitor_.content(part));
  if (left_ != 0) return part.size();
  if (at_ == At::Extension) TRY_VOID(extension_complete());
  else if (at_ == At::Padding) TRY_VOID(end_member());
  else {
    at_ = At::Padding;
    left_ = member_.padded_bytes() - member_.size_bytes;
    if (left_ == 0) TRY_VOID(end_member());
  }
  return part.size();
}

Result<void> TarScanner::extension_complete() {
  auto text = view_of(ByteSpan(headers_).subspan(block_at_)).substr(0, member_.size_bytes);
  block_at_ = headers_.size();
  at_ = At::Header;
  const auto until_zero = text.substr(0, text.find('\0'));
  if (member_.type == Type::GnuName) long_name_ = until_zero;
  if (member_.type == Type::GnuLink) long_link_ = until_zero;
  if (member_.type != Type::PaxNext) return {};  // nothing global concerns a single member here
  while (!text.empty()) {
    const auto record = take_record(text);
    if (!record) return fail(ErrorCode::Malformed, "a damaged pax header");
    if (record->name == "path") long_name_ = record->value;
    if (record->name == "linkpath") long_link_ = record->value;
    if (record->name != "size") continue;
    const auto size = number_of(record->value);
    if (!size || *size > (1ULL << 50U)) return fail(ErrorCode::Malformed, "a damaged pax header");
    long_size_ = *size;
    has_long_size_ = true;
  }
  return {};
}

Result<void> TarScanner::begin_member() {
  if (!long_name_.empty()) member_.name = std::move(long_name_);
  if (!long_link_.empty()) member_.link_target = std::move(long_link_);
  if (has_long_size_ && member_.type == Type::File) member_.size_bytes = long_size_;
  long_name_.clear();
  long_link_.clear();
  has_long_size_ = false;
  TRY_VOID(visitor_.begin(member_, headers_));
  headers_.clear();
  block_at_ = 0;
  padding_.clear();
  left_ = member_.size_bytes;
  at_ = At::Content;
  if (left_ == 0) return end_member();
  return {};
}

Result<void> TarScanner::end_member() {
  at_ = At::Header;
  return visitor_.end(padding_);
}

}  // namespace pgkeel::archive
