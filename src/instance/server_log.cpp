// See server_log.hpp.
#include "instance/server_log.hpp"

#include <sys/stat.h>
#include <array>
#include <string_view>

#include "runtime/files.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLogfilesBytesMax = 16384;  // three lines with a path each
constexpr std::size_t kMessageBytesMax = 500;     // a detail is one line on a screen

std::uint64_t size_of(const fs::path& path) {
  struct stat status{};
  if (path.empty() || ::stat(path.c_str(), &status) != 0 || status.st_size < 0) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

// From `offset`, or all of it when the file is a new one by now.
std::string read_since(const fs::path& path, std::uint64_t offset, std::size_t bytes_max) {
  if (path.empty()) return {};
  if (size_of(path) < offset) offset = 0;
  return runtime::read_file_from(path, offset, bytes_max).value_or("");
}

std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const auto before = text.rfind('\n');
  return before == std::string_view::npos ? text : text.substr(before + 1);
}

}  // namespace

fs::path current_log_file(const fs::path& data_dir) {
  const auto text = runtime::read_file(data_dir / "current_logfiles", kLogfilesBytesMax);
  if (!text || text->empty()) return {};
  std::string_view line = *text;
  if (const auto at = line.find("stderr "); at != std::string_view::npos) line.remove_prefix(at);
  line = line.substr(0, line.find('\n'));
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return {};
  const fs::path path(line.substr(blank + 1));
  return path.is_absolute() ? path : data_dir / path;
}

LogMark LogMark::take(const fs::path& log_file, const fs::path& data_dir) {
  LogMark mark;
  mark.log_file_ = log_file;
  mark.data_dir_ = data_dir;
  mark.offset_ = size_of(log_file);
  mark.collector_file_ = current_log_file(data_dir);
  mark.collector_offset_ = size_of(mark.collector_file_);
  return mark;
}

std::string LogMark::read() const {
  std::string text = read_since(log_file_, offset_, kStartLogBytesMax);
  const fs::path collector = current_log_file(data_dir_);
  if (collector.empty() || collector == log_file_) return text;
  const std::uint64_t from = collector == collector_file_ ? collector_offset_ : 0;
  text += read_since(collector, from, kStartLogBytesMax - text.size());
  return text;
}

std::string telling_line(std::string_view log) {
  constexpr std::array<std::string_view, 3> kSevere = {"PANIC:", "FATAL:", "ERROR:"};
  for (const std::string_view word : kSevere) {
    const auto at = log.rfind(word);
    if (at == std::string_view::npos) continue;
    const std::string_view found = log.substr(at, log.find('\n', at) - at);
    return std::string(found.substr(0, kMessageBytesMax));
  }
  return std::string(last_line(log).substr(0, kMessageBytesMax));
}

}  // namespace pgkeel::instance
