// See evidence_store.hpp.
#include "incident/evidence_store.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "runtime/files.hpp"

namespace pgkeel::incident {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDirectory = "evidence";
constexpr std::string_view kEnding = ".json";

// "2026-11-21-003": the names of the files sort by age.
bool is_id(std::string_view id) {
  const auto fits = [](char c) { return (c >= '0' && c <= '9') || c == '-'; };
  return id.size() >= 10 && id.size() <= 32 && std::ranges::all_of(id, fits);
}

Result<fs::path> place_of(const fs::path& state_dir, std::string_view id) {
  if (!is_id(id)) return fail(ErrorCode::NotFound, fmt::format("no incident is called '{}'", id));
  return state_dir / kDirectory / (std::string(id) + std::string(kEnding));
}

// Only files this module wrote, by their names.
void drop_oldest(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  // Not a range-for: its ++ throws where a directory cannot be read on.
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    if (name.ends_with(kEnding) && is_id(std::string_view(name).substr(0, name.size() - 5)))
      names.push_back(name);
  }
  if (names.size() <= kEvidenceKept) return;
  std::ranges::sort(names);
  names.resize(names.size() - kEvidenceKept);
  for (const auto& name : names) fs::remove(directory / name, error);
}

}  // namespace

fs::path evidence_dir(const fs::path& state_dir) { return state_dir / kDirectory; }

Result<void> keep_evidence(const fs::path& state_dir, std::string_view id,
                           std::string_view document) {
  TRY(place, place_of(state_dir, id));
  if (document.size() > kEvidenceBytesMax)
    return fail(ErrorCode::Malformed,
                fmt::format("the evidence of {} is larger than {} bytes", id, kEvidenceBytesMax));
  TRY(room, runtime::disk_space(state_dir));
  if (room.bytes_free < kEvidenceRoomMin)
    return fail(ErrorCode::DiskFull,
                fmt::format("no evidence is kept: {} has no room to spare", state_dir.string()));
  TRY_VOID(runtime::ensure_directory(state_dir / kDirectory, {.mode = 0700, .owner = {}}));
  TRY_VOID(runtime::write_file_atomic(place, document, {.mode = 0600, .owner = {}}));
  drop_oldest(state_dir / kDirectory);
  return {};
}

Result<std::string> kept_evidence(const fs::path& state_dir, std::string_view id) {
  TRY(place, place_of(state_dir, id));
  return runtime::read_file(place, kEvidenceBytesMax);
}

}  // namespace pgkeel::incident
