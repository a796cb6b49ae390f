// Two clocks and the text forms of time. SteadyTime measures (deadlines, ages); WallTime is for
// people and for comparing with files. Pure code takes `now` as an argument and never asks a clock.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel {

using SteadyClock = std::chrono::steady_clock;
using SteadyTime = SteadyClock::time_point;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

[[nodiscard]] WallTime wall_now();

/// "2026-11-21T03:04:05.123Z", always UTC and always milliseconds.
[[nodiscard]] std::string to_iso8601(WallTime time);
/// Reads what to_iso8601 writes (fraction of any length or none; "Z" or "+00").
[[nodiscard]] Result<WallTime> parse_iso8601(std::string_view text);

/// "250ms", "5s", "2h", "7d", "1h30m"; a bare number is refused because its unit is a guess.
[[nodiscard]] Result<Millis> parse_duration(std::string_view text);
/// The shortest exact form: "1h30m", "250ms", "0s".
[[nodiscard]] std::string format_duration(Millis duration);
/// For people: "3 min 20 s", "41 ms", "2 days 4 h"; two units at most.
[[nodiscard]] std::string humane_duration(Millis duration);

/// "10GB", "512 MiB", "4096": bytes, binary multiples as PostgreSQL reads them (1 kB = 1024).
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace pgkeel
