// See proc_text.hpp.
#include "runtime/proc_text.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace pgkeel::runtime {
namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(separators, at)) != std::string_view::npos) {
    const auto end = std::min(text.find_first_of(separators, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end;
  }
  return parts;
}

// The kernel prints the address as 32-bit words in the machine's byte order.
std::optional<std::string> parse_address(std::string_view hex) {
  constexpr std::size_t kWordDigits = 8;
  std::array<std::uint32_t, 4> words{};
  const auto count = hex.size() / kWordDigits;
  if (hex.size() % kWordDigits != 0 || (count != 1 && count != words.size())) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = parse_number(hex.substr(i * kWordDigits, kWordDigits), 16);
    if (!word) return std::nullopt;
    words[i] = static_cast<std::uint32_t>(*word);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(count == 1 ? AF_INET : AF_INET6, words.data(), text.data(), text.size());
  return count == 1 ? std::string(text.data()) : fmt::format("[{}]", text.data());
}

std::optional<ListeningSocket> parse_listener(std::string_view line, std::uint16_t port) {
  constexpr std::string_view kListen = "0A";
  constexpr std::size_t kLocalField = 1;
  constexpr std::size_t kStateField = 3;
  constexpr std::size_t kInodeField = 9;
  const auto fields = split_fields(line);
  if (fields.size() <= kInodeField || fields[kStateField] != kListen) return std::nullopt;
  const auto colon = fields[kLocalField].find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto local_port = parse_number(fields[kLocalField].substr(colon + 1), 16);
  const auto address = parse_address(fields[kLocalField].substr(0, colon));
  const auto inode = parse_number(fields[kInodeField]);
  if (local_port != port || !address || !inode) return std::nullopt;
  return ListeningSocket{fmt::format("{}:{}", *address, port), *inode};
}

// "major:minor:inode", the first two in hexadecimal.
std::optional<std::uint64_t> inode_of_lock(std::string_view field) {
  const auto colon = field.rfind(':');
  return colon == std::string_view::npos ? std::nullopt : parse_number(field.substr(colon + 1));
}

}  // namespace

std::vector<std::string_view> split_lines(std::string_view text) { return split(text, "\n"); }
std::vector<std::string_view> split_fields(std::string_view line) { return split(line, " \t"); }

std::optional<std::uint64_t> parse_number(std::string_view field, int base) {
  std::uint64_t number = 0;
  const auto* end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, number, base);
  if (error != std::errc{} || stop != end || field.empty()) return std::nullopt;
  return number;
}

std::optional<ProcStat> parse_proc_stat(std::string_view text, std::uint64_t page_bytes) {
  // Fields are counted from behind the command: proc(5) number minus 3.
  constexpr std::size_t kParent = 1;
  constexpr std::size_t kUserTicks = 11;
  constexpr std::size_t kSystemTicks = 12;
  constexpr std::size_t kStartTicks = 19;
  constexpr std::size_t kRssPages = 21;
  const auto open = text.find(" (");
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2)
    return std::nullopt;
  const auto fields = split_fields(text.substr(close + 1));
  if (fields.size() <= kRssPages || fields[0].size() != 1) return std::nullopt;
  const auto pid = parse_number(text.substr(0, open));
  const auto parent = parse_number(fields[kParent]);
  const auto user = parse_number(fields[kUserTicks]);
  const auto system = parse_number(fields[kSystemTicks]);
  const auto start = parse_number(fields[kStartTicks]);
  if (!pid || !parent || !user || !system || !start) return std::nullopt;
  return ProcStat{.pid = static_cast<pid_t>(*pid),
                  .command = std::string(text.substr(open + 2, close - open - 2)),
                  .state = fields[0].front(),
                  .parent = static_cast<pid_t>(*parent),
                  .start_ticks = *start,
                  .cpu_ticks = *user + *system,
                  .rss_bytes = parse_number(fields[kRssPages]).value_or(0) * page_bytes};
}

std::optional<std::uint64_t> parse_proc_io(std::string_view text) {
  std::optional<std::uint64_t> read;
  std::optional<std::uint64_t> written;
  for (const auto line : split_lines(text)) {
    const auto fields = split_fields(line);
    if (fields.size() != 2) continue;
    if (fields[0] == "read_bytes:") read = parse_number(fields[1]);
    if (fields[0] == "write_bytes:") written = parse_number(fields[1]);
  }
  if (!read || !written) return std::nullopt;
  return *read + *written;
}

std::vector<std::string> parse_cmdline(std::string_view text) {
  std::vector<std::string> arguments;
  while (!text.empty()) {
    const auto end = std::min(text.find('\0'), text.size());
    arguments.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  while (!arguments.empty() && arguments.back().empty()) arguments.pop_back();
  return arguments;
}

std::vector<ListeningSocket> parse_listeners(std::string_view text, std::uint16_t port) {
  std::vector<ListeningSocket> sockets;
  for (const auto line : split_lines(text))
    if (auto socket = parse_listener(line, port)) sockets.push_back(std::move(*socket));
  return sockets;
}

std::optional<pid_t> find_lock_holder(std::string_view text, std::uint64_t inode) {
  // "1: FLOCK  ADVISORY  WRITE 7182 fe:00:1048 0 EOF"; a waiter has "->" after the number.
  constexpr std::size_t kPidField = 4;
  constexpr std::size_t kInodeField = 5;
  for (const auto line : split_lines(text)) {
    const auto fields = split_fields(line);
    if (fields.size() <= kInodeField || fields[1] != "FLOCK") continue;
    const auto pid = parse_number(fields[kPidField]);
    if (pid && *pid != 0 && inode_of_lock(fields[kInodeField]) == inode)
      return static_cast<pid_t>(*pid);
  }
  return std::nullopt;
}

}  // namespace pgkeel::runtime
