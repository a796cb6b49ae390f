// Reading a log's end, and comparing two of them.
#include "app/log_tail.hpp"

#include <algorithm>

#include "app/api_client.hpp"
#include "app/gateway/guard_link.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kTailBytesMax = 4U << 20U;  // as much as the guard would give

std::vector<std::string> last_lines(std::string_view text, std::size_t count) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (lines.size() > count)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
  return lines;
}

// Empty where only the guard knows.
std::filesystem::path file_of(const Config& config, std::string_view source) {
  if (source == "gateway") return config.state_dir / kGatewayLogFile;
  return source == "postgres" ? config.instance.log_file : std::filesystem::path();
}

}  // namespace

Result<std::vector<std::string>> read_log(const Config& config, std::string_view source,
                                          std::size_t count) {
  const auto answer = GuardClient(config).get(
      "/api/v1/logs", {{"source", std::string(source)}, {"lines", std::to_string(count)}});
  if (!answer) {
    const auto file = file_of(config, source);
    const bool absent = answer.error().code == ErrorCode::GuardNotRunning;
    if (!absent || file.empty()) return fail(answer.error());
    TRY(text, runtime::read_file_tail(file, kTailBytesMax));
    return last_lines(text, count);
  }
  std::vector<std::string> lines;
  for (const auto& line : member(*answer, "lines")) {
    if (line.is_string()) lines.push_back(line.get<std::string>());
  }
  return lines;
}

std::vector<std::string> lines_after(const std::vector<std::string>& seen,
                                     const std::vector<std::string>& now) {
  for (std::size_t end = now.size(); end > 0 && !seen.empty(); --end) {
    const auto shared = static_cast<std::ptrdiff_t>(std::min(seen.size(), end));
    const auto behind = now.begin() + static_cast<std::ptrdiff_t>(end);
    if (std::equal(seen.end() - shared, seen.end(), behind - shared)) return {behind, now.end()};
  }
  return now;
}

}  // namespace pgkeel::app
