// See wal_source.hpp.
#include "archive/restore/wal_source.hpp"

#include <array>

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"
#include "archive/catalog/wal_index.hpp"
#include "archive/codec/crypto.hpp"
#include "archive/receive/spool_listing.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHistoryBytesMax = 1U << 20U;
constexpr std::array kIncomplete{kEndedSuffix, kPartialSuffix};

// Beside, then renamed: whoever looks never sees half a segment.
Result<void> put(const fs::path& path, std::string_view content) {
  return runtime::write_file_atomic(path, content);
}

}  // namespace

Result<std::string> WalSource::read_stored(const std::string& key, std::uint64_t bytes_max) {
  TRY(content, read_encoded_text(*store_, key, *keys_, bytes_max));
  if (sha256_hex(content) != parse_wal_key(key)->sha256)
    return fail(ErrorCode::Malformed, key + " does not hold what its name says");
  return std::move(content);
}

Result<bool> WalSource::from_store(std::string_view name, const fs::path& path) {
  TRY(key, find_wal(*store_, name, segment_bytes_));
  if (!key) return false;
  const bool history = name.ends_with(".history");
  TRY(content, read_stored(*key, history ? kHistoryBytesMax : segment_bytes_));
  TRY_VOID(put(path, content));
  return true;
}

// Behind what was received all of it is zero.
Result<bool> WalSource::longest_beginning(const pg::WalSegment& segment, const fs::path& path) {
  TRY(keys, find_wal_beginnings(*store_, segment, segment_bytes_));
  std::string longest;
  std::size_t length = 0;
  for (const auto& key : keys) {
    TRY(content, read_stored(key, segment_bytes_));
    const auto last = content.find_last_not_of('\0');
    const auto written = last == std::string::npos ? 0 : last + 1;
    if (!longest.empty() && written <= length) continue;
    length = written;
    longest = std::move(content);
  }
  if (longest.empty()) return false;
  TRY_VOID(put(path, longest));
  return true;
}

Result<bool> WalSource::from_incoming(std::string_view name, std::string_view suffix,
                                      const fs::path& path) {
  if (incoming_.empty()) return false;
  const auto content =
      runtime::read_file(incoming_ / (std::string(name) + std::string(suffix)), segment_bytes_);
  if (!content && content.error().code == ErrorCode::NotFound) return false;
  if (!content) return fail(content.error());
  TRY_VOID(put(path, *content));
  return true;
}

Result<bool> WalSource::any_later(const pg::WalSegment& segment) {
  TRY(index, WalIndex::read(*store_, segment_bytes_));
  const auto later = index.segments().upper_bound(segment);
  if (later != index.segments().end() && later->first.timeline == segment.timeline) return true;
  if (incoming_.empty()) return false;
  const auto files = list_spool(incoming_, segment_bytes_);
  if (!files && files.error().code == ErrorCode::NotFound) return false;
  if (!files) return fail(files.error());
  for (const auto& file : *files)
    if (file.kind != SpoolFile::Kind::History && file.segment.timeline == segment.timeline &&
        segment < file.segment)
      return true;
  return false;
}

// The spool first: a segment leaves it only after it has reached the store, never the other way.
Result<bool> WalSource::whole(std::string_view name, const fs::path& path) {
  TRY(received, from_incoming(name, "", path));
  if (received) return true;
  return from_store(name, path);
}

Result<bool> WalSource::beginning(const pg::WalSegment& segment, std::string_view name,
                                  const fs::path& path) {
  for (const char* suffix : kIncomplete) {
    TRY(part, from_incoming(name, suffix, path));
    if (part) return true;
  }
  return longest_beginning(segment, path);
}

// A receiver goes on meanwhile: what was in part at one look may be whole at the next, with more
// behind it. So "not there" and "a gap" are only said after a second look for the whole.
Result<Fetched> WalSource::fetch(std::string_view name, const fs::path& path) {
  const auto segment = pg::parse_segment_name(name, segment_bytes_);
  if (!segment && !pg::parse_history_name(name))
    return fail(ErrorCode::Usage, fmt::format("\"{}\" is no WAL file's name", name));
  TRY(found, whole(name, path));
  if (found) return Fetched::Yes;
  if (!segment) return Fetched::NotThere;
  TRY(later, any_later(*segment));
  if (!later) {
    TRY(part, beginning(*segment, name, path));
    if (part) return Fetched::Yes;
  }
  TRY(meanwhile, whole(name, path));
  if (meanwhile) return Fetched::Yes;
  if (!later) return Fetched::NotThere;
  return fail(Error(ErrorCode::WrongState,
                    fmt::format("the archive has a gap: {} is missing, later WAL is there", name))
                  .with_hint("Restore to a moment before the gap, or from a backup after it."));
}

}  // namespace pgkeel::archive
