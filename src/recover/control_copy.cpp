// See control_copy.hpp.
#include "recover/control_copy.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "instance/data_dir.hpp"
#include "pg/wal_name.hpp"
#include "pg/wal_page.hpp"
#include "recover/wal_pages.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;
using pg::WalSegment;

constexpr const char* kCopyName = "pg_control";
constexpr int kWalLevelReplica = 1;
constexpr std::size_t kMissingMax = 4096;        // 64 GB of WAL: a restore is faster
constexpr std::size_t kSegmentsMax = 1'000'000;  // 16 TB of WAL: no pg_wal holds more

Result<ControlCopy> parse_copy(std::string bytes, const incident::Identity& identity) {
  TRY(control, pg::parse_control_file(std::as_bytes(std::span(bytes))));
  if (control.system_id != identity.system_id)
    return fail(ErrorCode::WrongIdentity,
                fmt::format("it is of the cluster {}, {} is known", to_string(control.system_id),
                            to_string(identity.system_id)));
  if (control.state != pg::ClusterState::InProduction)
    return fail(ErrorCode::WrongState, fmt::format("it says \"{}\"", pg::to_string(control.state)));
  return ControlCopy{std::move(bytes), control};
}

// Whether the file holds what its name says. Segments made for later bear an old header.
bool holds_its_own(const fs::path& file, const WalSegment& segment, const pg::ControlFile& copy) {
  const auto bytes = runtime::read_file_from(file, 0, pg::kWalLongHeaderBytes);
  if (!bytes) return false;
  const auto header = pg::parse_wal_segment_header(std::as_bytes(std::span(*bytes)));
  return header && header->system_id == copy.system_id &&
         header->start == segment.start(copy.wal_segment_bytes);
}

// Those of the copy's timeline that hold what their names say, in order.
Result<std::vector<WalSegment>> segments_in(const fs::path& wal_dir, const pg::ControlFile& copy) {
  std::vector<WalSegment> segments;
  std::error_code error;
  for (fs::directory_iterator entry(wal_dir, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto segment =
        pg::parse_segment_name(entry->path().filename().string(), copy.wal_segment_bytes);
    if (!segment || segment->timeline < copy.timeline) continue;
    if (segments.size() >= kSegmentsMax) break;
    if (holds_its_own(entry->path(), *segment, copy)) segments.push_back(*segment);
  }
  if (error) return fail(ErrorCode::Io, "read " + wal_dir.string() + ": " + error.message());
  std::ranges::sort(segments);
  return segments;
}

std::unexpected<Error> missing(const WalSegment& segment, const pg::ControlFile& copy) {
  return fail(ErrorCode::WrongState,
              fmt::format("the WAL segment {} is not in pg_wal",
                          pg::segment_name(segment, copy.wal_segment_bytes)));
}

std::unexpected<Error> damaged(const WalSegment& segment, const pg::ControlFile& copy) {
  return fail(ErrorCode::WrongState,
              fmt::format("the WAL segment {} is damaged",
                          pg::segment_name(segment, copy.wal_segment_bytes)));
}

// Of segments without a gap. Only the last may end early; one before it only in zeros, where the
// next one begins with a record: then the server switched.
Result<Lsn> end_of_pages(const fs::path& wal_dir, const std::vector<WalSegment>& segments,
                         const pg::ControlFile& copy) {
  Lsn end;
  bool ended_early = false;
  for (const auto& segment : segments) {
    const auto file = wal_dir / pg::segment_name(segment, copy.wal_segment_bytes);
    const auto start = segment.start(copy.wal_segment_bytes);
    TRY(pages, survey_segment(file, start, copy));
    if (ended_early && pages.begins_inside_record) return damaged(segment, copy);
    if (!pages.zero_after && segment != segments.back()) return damaged(segment, copy);
    ended_early = pages.whole_bytes < copy.wal_segment_bytes;
    end = Lsn(start.value + pages.whole_bytes);
  }
  return end;
}

}  // namespace

Result<ControlCopy> read_control_copy(const fs::path& state_dir,
                                      const incident::Identity& identity) {
  TRY(bytes, runtime::read_file(state_dir / kCopyName, pg::kControlFileBytes));
  return parse_copy(std::move(bytes), identity);
}

Result<pg::ControlFile> keep_control_copy(const fs::path& state_dir, const fs::path& data_dir,
                                          const incident::Identity& identity) {
  TRY_VOID(instance::read_control_file(data_dir));  // waits for a write that is half done
  TRY(bytes, runtime::read_file(data_dir / "global" / "pg_control", pg::kControlFileBytes));
  TRY(copy, parse_copy(std::move(bytes), identity));
  const auto kept = runtime::read_file(state_dir / kCopyName, pg::kControlFileBytes);
  if (!kept || *kept != copy.bytes)
    TRY_VOID(runtime::write_file_atomic(state_dir / kCopyName, copy.bytes));
  return copy.control;
}

Result<std::vector<std::string>> missing_segments(const fs::path& data_dir,
                                                  const pg::ControlFile& copy) {
  TRY(segments, segments_in(data_dir / "pg_wal", copy));
  std::erase_if(segments,
                [&copy](const auto& segment) { return segment.timeline != copy.timeline; });
  std::vector<std::string> names;
  if (segments.empty()) return names;
  auto next = pg::segment_of(copy.timeline, copy.redo, copy.wal_segment_bytes);
  for (; next < segments.back(); next = next.next()) {
    if (std::ranges::binary_search(segments, next)) continue;
    if (names.size() >= kMissingMax)
      return fail(ErrorCode::WrongState,
                  fmt::format("more than {} WAL segments are not in pg_wal", kMissingMax));
    names.push_back(pg::segment_name(next, copy.wal_segment_bytes));
  }
  return names;
}

bool is_segment(const fs::path& file, std::string_view name, const pg::ControlFile& copy) {
  const auto segment = pg::parse_segment_name(std::string(name), copy.wal_segment_bytes);
  return segment && holds_its_own(file, *segment, copy);
}

Result<Lsn> replayable_to(const fs::path& data_dir, const pg::ControlFile& copy, Lsn reached) {
  // With "minimal" a file's number may be given anew whose content no WAL has.
  if (copy.wal_level < kWalLevelReplica)
    return fail(ErrorCode::WrongState, "with wal_level = minimal the WAL does not tell everything");
  TRY(segments, segments_in(data_dir / "pg_wal", copy));
  auto next = pg::segment_of(copy.timeline, copy.redo, copy.wal_segment_bytes);
  auto at = std::ranges::find(segments, next);
  if (at == segments.end()) return missing(next, copy);
  for (; at != segments.end(); ++at, next = next.next())
    if (at->timeline != copy.timeline)
      return fail(ErrorCode::WrongState, "the WAL goes on with another timeline than the copy");
    else if (*at != next) return missing(next, copy);
  segments.erase(segments.begin(),
                 std::ranges::find(
                     segments, pg::segment_of(copy.timeline, copy.redo, copy.wal_segment_bytes)));
  TRY(end, end_of_pages(data_dir / "pg_wal", segments, copy));
  if (end <= std::max(copy.checkpoint, reached))
    return fail(ErrorCode::WrongState,
                fmt::format("the WAL in pg_wal ends at {}, and the server was seen at {}",
                            to_string(end), to_string(std::max(copy.checkpoint, reached))));
  return end;
}

Result<void> place_control_copy(const instance::Instance& instance, const ControlCopy& copy) {
  const auto data_dir = instance.data_dir();
  const auto beside = data_dir / "pgkeel-new-control-file";
  runtime::FileMode mode;
  if (runtime::running_as_root()) mode.owner = instance.inspect_data_dir().owner;
  TRY_VOID(runtime::write_file_atomic(beside, copy.bytes, mode));
  return runtime::rename_durable(beside, data_dir / "global" / "pg_control");
}

}  // namespace pgkeel::recover
