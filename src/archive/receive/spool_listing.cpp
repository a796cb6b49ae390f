// See spool_listing.hpp.
#include "archive/receive/spool_listing.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <tuple>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;
using Kind = SpoolFile::Kind;

bool take_suffix(std::string_view& name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  name.remove_suffix(suffix.size());
  return true;
}

std::optional<SpoolFile> spool_file(const std::string& file_name, std::uint64_t size_bytes,
                                    std::uint64_t segment_bytes) {
  if (const auto timeline = pg::parse_history_name(file_name))
    return SpoolFile{Kind::History, file_name, {*timeline, 0}, size_bytes};
  std::string_view name = file_name;
  auto kind = Kind::Complete;
  if (take_suffix(name, kPartialSuffix)) kind = Kind::Partial;
  else if (take_suffix(name, kEndedSuffix)) kind = Kind::Ended;
  const auto expected = segment_bytes == 0 ? size_bytes : segment_bytes;
  if (!pg::valid_segment_bytes(expected)) return std::nullopt;
  // A crash may leave a partial one short: its size is put right when it is opened again.
  if (kind != Kind::Partial && size_bytes != expected) return std::nullopt;
  const auto segment = pg::parse_segment_name(name, expected);
  if (!segment) return std::nullopt;
  return SpoolFile{kind, file_name, *segment, size_bytes};
}

}  // namespace

Result<std::vector<SpoolFile>> list_spool(const fs::path& directory, std::uint64_t segment_bytes) {
  std::vector<SpoolFile> files;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code vanished;
    const auto size = entry->file_size(vanished);
    if (vanished) continue;
    auto file = spool_file(entry->path().filename().native(), size, segment_bytes);
    if (file) files.push_back(*std::move(file));
    if (files.size() > kSpoolFilesMax)
      return fail(ErrorCode::WrongState,
                  fmt::format("{} holds more than {} files", directory.native(), kSpoolFilesMax));
  }
  if (error) return fail_errno(error.value(), fmt::format("list {}", directory.native()));
  std::ranges::sort(files, {}, [](const SpoolFile& file) {
    return std::tuple(file.kind != Kind::History, file.segment, file.kind);
  });
  return files;
}

std::optional<StreamStart> end_of_spool(const std::vector<SpoolFile>& files,
                                        std::uint64_t segment_bytes) {
  std::optional<StreamStart> end;
  for (const auto& file : files) {
    std::optional<StreamStart> here;
    if (file.kind == Kind::Complete)
      here = StreamStart{file.segment.timeline, file.segment.end(segment_bytes)};
    if (file.kind == Kind::Partial)
      here = StreamStart{file.segment.timeline, file.segment.start(segment_bytes)};
    if (here && (!end || *here > *end)) end = here;
  }
  return end;
}

}  // namespace pgkeel::archive
