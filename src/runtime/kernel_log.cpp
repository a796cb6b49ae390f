// See kernel_log.hpp. /dev/kmsg gives one record a read, the oldest first.
#include "runtime/kernel_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>

namespace pgkeel::runtime {
namespace {

constexpr std::size_t kRecordBytesMax = 8192;  // the kernel's own limit
constexpr int kRecordsMax = 100'000;           // the largest ring holds fewer

std::int64_t since_boot_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // what the kernel's log counts in
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

// The text of a record and its time.
std::optional<OomKill> parse_record(std::string_view record) {
  const auto semicolon = record.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  const auto text = record.substr(semicolon + 1, record.find('\n') - semicolon - 1);
  OomKill found{std::string(text), 0};
  auto head = record.substr(0, semicolon);
  for (int field = 0; field < 2; ++field) {
    const auto comma = head.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    head.remove_prefix(comma + 1);
  }
  std::from_chars(head.data(), head.data() + head.size(), found.at_us);
  return found;
}

Fd open_log() { return Fd(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)); }

// Hands on each record from where the log stands.
template <class Take>
void read_records(const Fd& log, Take take) {
  std::array<char, kRecordBytesMax> record{};
  for (int i = 0; i < kRecordsMax; ++i) {
    const auto count = ::read(log.get(), record.data(), record.size());
    if (count < 0 && errno == EPIPE) continue;  // overwritten while we read: the next is there
    if (count <= 0) break;
    take(std::string_view(record.data(), static_cast<std::size_t>(count)));
  }
}

}  // namespace

std::optional<OomKill> parse_oom_kill(std::string_view record, pid_t pid) {
  auto found = parse_record(record);
  if (!found || !found->text.contains(fmt::format("Killed process {} (", pid))) return std::nullopt;
  return found;
}

std::optional<OomKill> parse_oom_kill(std::string_view record, std::string_view command) {
  auto found = parse_record(record);
  if (!found) return std::nullopt;
  const auto at = found->text.find("Killed process ");
  if (at == std::string::npos) return std::nullopt;
  const auto name = found->text.find(fmt::format(" ({})", command), at);
  return name == std::string::npos ? std::nullopt : found;
}

KernelLog KernelLog::from_now() {
  auto log = open_log();
  if (log.valid()) static_cast<void>(::lseek(log.get(), 0, SEEK_END));
  return KernelLog(std::move(log));
}

std::optional<std::string> KernelLog::oom_kill_of(pid_t pid) {
  std::optional<std::string> words;
  if (!log_.valid()) return words;
  read_records(log_, [&](std::string_view record) {
    if (auto found = parse_oom_kill(record, pid)) words = std::move(found->text);
  });
  return words;
}

Result<std::vector<PastOomKill>> oom_kills_of(std::string_view command, Seconds within) {
  const auto log = open_log();
  if (!log.valid()) return fail_errno(errno, "open /dev/kmsg");
  const auto now = since_boot_us();
  const auto not_before = now - std::chrono::microseconds(within).count();
  std::vector<PastOomKill> kills;
  read_records(log, [&](std::string_view record) {
    auto found = parse_oom_kill(record, command);
    if (found && found->at_us >= not_before)
      kills.push_back({Millis((now - found->at_us) / 1000), std::move(found->text)});
  });
  return kills;
}

}  // namespace pgkeel::runtime
