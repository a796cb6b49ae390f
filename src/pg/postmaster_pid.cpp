// Line numbers are LOCK_FILE_LINE_* of src/include/utils/pidfile.h. The server writes the first
// five at once and appends the rest as it gets to know them, so every line but the first may be
// absent.
#include "pg/postmaster_pid.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>

namespace pgkeel::pg {
namespace {

constexpr std::size_t kLinesMax = 8;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end;
}

struct Lines {
  std::array<std::string_view, kLinesMax> text;
  std::size_t count = 0;
  [[nodiscard]] std::string_view at(std::size_t number) const { return text.at(number - 1); }
};

// The last line counts only with its newline: without, the server may still be writing it. The
// first is taken anyway, since some tools write a lock file without any.
Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty() && lines.count < kLinesMax) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos && lines.count > 0) break;
    lines.text.at(lines.count++) = trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

std::unexpected<Error> malformed(std::string_view which, std::string_view what) {
  return fail(ErrorCode::Malformed, fmt::format("{}: {}", which, what));
}

Result<void> read_pid(std::string_view which, std::string_view line, PostmasterPid& file) {
  pid_t pid = 0;
  if (!parse_number(line, pid) || pid == 0 || pid == std::numeric_limits<pid_t>::min())
    return malformed(which, "its first line is no process id");
  file.standalone = pid < 0;
  file.pid = pid < 0 ? -pid : pid;
  return {};
}

// An absent line is fine; one of another kind is not.
template <class Number>
Result<void> read_number(std::string_view which, const Lines& lines, std::size_t line,
                         Number& number) {
  const auto text = lines.at(line);
  if (!text.empty() && !parse_number(text, number))
    return malformed(which, fmt::format("line {} is not a number that fits", line));
  return {};
}

void read_shmem(std::string_view line, PostmasterPid& file) {
  const auto gap = line.find(' ');
  if (gap == std::string_view::npos) return;
  std::uint64_t key = 0;
  std::uint64_t id = 0;
  if (!parse_number(line.substr(0, gap), key) || !parse_number(trim(line.substr(gap)), id)) return;
  file.shmem_key = key;
  file.shmem_id = id;
}

Result<PostmasterPid> parse_first_five(std::string_view which, const Lines& lines) {
  PostmasterPid file;
  TRY_VOID(read_pid(which, lines.at(1), file));
  file.data_dir = lines.at(2);
  TRY_VOID(read_number(which, lines, 3, file.started_epoch_s));
  TRY_VOID(read_number(which, lines, 4, file.port));
  file.socket_dir = lines.at(5);
  return file;
}

Result<Lines> checked_lines(std::string_view which, std::string_view text) {
  if (text.size() > kLockFileBytesMax) return malformed(which, "too long to be a lock file");
  if (text.find('\0') != std::string_view::npos) return malformed(which, "it holds zero bytes");
  const auto lines = split(text);
  if (lines.count == 0) return malformed(which, "it is empty");
  return lines;
}

}  // namespace

Result<PostmasterPid> parse_postmaster_pid(std::string_view text) {
  constexpr std::string_view kWhich = "postmaster.pid";
  TRY(lines, checked_lines(kWhich, text));
  TRY(file, parse_first_five(kWhich, lines));
  file.listen_address = lines.at(6);
  read_shmem(lines.at(7), file);
  file.status = lines.at(8);
  return std::move(file);
}

Result<PostmasterPid> parse_socket_lock(std::string_view text) {
  constexpr std::string_view kWhich = "socket lock file";
  TRY(lines, checked_lines(kWhich, text));
  return parse_first_five(kWhich, lines);
}

std::string socket_name(std::uint16_t port) { return fmt::format(".s.PGSQL.{}", port); }
std::string socket_lock_name(std::uint16_t port) { return socket_name(port) + ".lock"; }

}  // namespace pgkeel::pg
