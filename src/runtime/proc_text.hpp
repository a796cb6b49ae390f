// The texts of /proc as values (proc(5)). Pure: what the kernel wrote goes in, facts come out; a
// text of another shape yields nothing. proc.cpp does the reading.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/proc.hpp"

namespace pgkeel::runtime {

// The largest table read at once: mountinfo of a host with thousands of containers, net/tcp of one
// with some ten thousand sockets.
inline constexpr std::size_t kProcTableBytesMax = 8U << 20U;

/// Lines without their '\n'; an unfinished last line counts.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text);
/// Fields separated by runs of spaces or tabs.
[[nodiscard]] std::vector<std::string_view> split_fields(std::string_view line);
/// A whole field as an unsigned number.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view field, int base = 10);

/// /proc/PID/stat. The command may hold spaces and parentheses.
[[nodiscard]] std::optional<ProcStat> parse_proc_stat(std::string_view text,
                                                      std::uint64_t page_bytes);
/// /proc/PID/io: read_bytes + write_bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_proc_io(std::string_view text);
/// /proc/PID/cmdline: NUL-separated; the padding a process leaves after its title is dropped.
[[nodiscard]] std::vector<std::string> parse_cmdline(std::string_view text);

/// One listening row of /proc/net/tcp or tcp6.
struct ListeningSocket {
  std::string address;  ///< "127.0.0.1:5432", "[::]:5432"
  std::uint64_t inode = 0;
  friend bool operator==(const ListeningSocket&, const ListeningSocket&) = default;
};
[[nodiscard]] std::vector<ListeningSocket> parse_listeners(std::string_view text,
                                                           std::uint16_t port);

/// /proc/locks: the pid that holds an flock(2) on `inode`.
[[nodiscard]] std::optional<pid_t> find_lock_holder(std::string_view text, std::uint64_t inode);

}  // namespace pgkeel::runtime
