// See host_text.hpp.
#include "runtime/host_text.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/proc_text.hpp"

namespace pgkeel::runtime {
namespace {

constexpr std::uint64_t kKilobyte = 1024;
// Version 1 writes the largest multiple of a page below 2^63 where there is no limit.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62U;

bool lists(std::string_view text, std::string_view word) {
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (text.substr(0, end) == word) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::uint64_t> parse_row(std::string_view text, std::string_view name) {
  for (const auto line : split_lines(text)) {
    const auto fields = split_fields(line);
    if (fields.size() >= 2 && fields[0] == name) return parse_number(fields[1]);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_process_limit(std::string_view text, std::string_view name) {
  for (const auto line : split_lines(text)) {
    if (!line.starts_with(name)) continue;
    const auto fields = split_fields(line.substr(name.size()));
    if (fields.empty()) continue;
    return fields[0] == "unlimited" ? std::optional<std::uint64_t>(0) : parse_number(fields[0]);
  }
  return std::nullopt;
}

std::optional<MemoryInfo> parse_meminfo(std::string_view text) {
  const auto total = parse_row(text, "MemTotal:");
  const auto available = parse_row(text, "MemAvailable:");
  if (!total || !available) return std::nullopt;
  return MemoryInfo{*total * kKilobyte, *available * kKilobyte};
}

std::optional<double> parse_pressure(std::string_view text) {
  constexpr std::string_view kName = "avg10=";
  for (const auto line : split_lines(text)) {
    const auto fields = split_fields(line);
    if (fields.size() < 2 || fields[0] != "some" || !fields[1].starts_with(kName)) continue;
    const auto number = fields[1].substr(kName.size());
    double percent = 0;
    const auto* end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, percent);
    if (error == std::errc{} && stop == end) return percent;
  }
  return std::nullopt;
}

std::optional<MemoryGroupName> parse_memory_group(std::string_view text) {
  // "4:memory:/docker/c0ffee", "0::/system.slice/docker-c0ffee.scope"
  std::optional<MemoryGroupName> unified;
  for (const auto line : split_lines(text)) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    auto path = std::string(line.substr(second + 1));
    if (!path.starts_with('/') || path.starts_with("/..")) continue;  // outside what we can see
    if (lists(controllers, "memory")) return MemoryGroupName{false, std::move(path)};
    if (controllers.empty()) unified = MemoryGroupName{true, std::move(path)};
  }
  return unified;
}

std::optional<MemoryGroupMount> find_memory_mount(std::string_view mountinfo, bool unified) {
  constexpr std::size_t kRootField = 3;
  constexpr std::size_t kMountPointField = 4;
  constexpr std::size_t kFirstOptionalField = 6;
  for (const auto line : split_lines(mountinfo)) {
    const auto fields = split_fields(line);
    std::size_t dash = kFirstOptionalField;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (dash + 3 >= fields.size()) continue;
    const bool fits = unified ? fields[dash + 1] == "cgroup2"
                              : fields[dash + 1] == "cgroup" && lists(fields[dash + 3], "memory");
    if (fits)
      return MemoryGroupMount{std::string(fields[kMountPointField]),
                              std::string(fields[kRootField])};
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_memory_limit(std::string_view text) {
  if (trimmed(text) == "max") return 0;
  const auto bytes = parse_number(trimmed(text));
  return bytes && *bytes >= kNoLimit ? 0 : bytes;
}

}  // namespace pgkeel::runtime
