// See temp_files.hpp.
#include "recover/temp_files.hpp"

#include <sys/stat.h>

#include <charconv>

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "pgsql_tmp";
constexpr std::uint64_t kBlockBytes = 512;

void add(const fs::path& file, pid_t owner, std::vector<TempFile>& found) {
  struct stat status{};
  if (::lstat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  const auto written = WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::seconds(status.st_mtim.tv_sec) +
      std::chrono::nanoseconds(status.st_mtim.tv_nsec)));
  found.push_back(
      {owner, static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes, written, status.st_dev});
}

// Files of one session, and directories of files that it shares with its workers.
void read_directory(const fs::path& directory, std::vector<TempFile>& found) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto owner = temp_file_owner(entry.path().filename().string());
    if (owner == 0) continue;
    if (found.size() >= kTempFilesMost) return;
    std::error_code gone;
    if (!entry.is_directory(gone)) add(entry.path(), owner, found);
    else
      for (const auto& file : fs::directory_iterator(entry.path(), gone))
        add(file.path(), owner, found);
  }
}

}  // namespace

pid_t temp_file_owner(std::string_view name) {
  if (!name.starts_with(kPrefix)) return 0;
  name.remove_prefix(kPrefix.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  const bool numbered = error == std::errc() && end != name.data() + name.size() && *end == '.';
  return numbered && pid > 0 ? pid : 0;
}

std::vector<TempFile> temp_files(const fs::path& data_dir) {
  std::vector<TempFile> found;
  read_directory(data_dir / "base" / kPrefix, found);
  std::error_code error;
  for (const auto& space : fs::directory_iterator(data_dir / "pg_tblspc", error)) {
    std::error_code unreadable;
    for (const auto& version : fs::directory_iterator(space.path(), unreadable))
      read_directory(version.path() / kPrefix, found);
  }
  return found;
}

}  // namespace pgkeel::recover
