// See command.hpp.
#include "shadow/relay/command.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace pgkeel::shadow {
namespace {

constexpr std::size_t kShown = 100;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte) != 0 || c == ';') words.emplace_back();
    else words.back() += static_cast<char>(std::toupper(byte));
  }
  std::erase(words, "");
  return words;
}

std::optional<TimelineId> timeline_of(const std::string& word) {
  std::uint32_t number = 0;
  const auto* end = word.data() + word.size();
  const auto read = std::from_chars(word.data(), end, number);
  if (read.ptr != end || read.ec != std::errc{} || number == 0) return std::nullopt;
  return TimelineId(number);
}

// [PHYSICAL] X/X [TIMELINE n], behind its first word.
std::optional<StartReplication> start_of(const std::vector<std::string>& words) {
  auto word = words.begin() + 1;
  if (word != words.end() && *word == "PHYSICAL") ++word;
  if (word == words.end()) return std::nullopt;
  const auto from = parse_lsn(*word++);
  if (!from) return std::nullopt;
  if (word == words.end()) return StartReplication{*from, {}};
  if (*word++ != "TIMELINE" || word + 1 != words.end()) return std::nullopt;
  const auto timeline = timeline_of(*word);
  if (!timeline) return std::nullopt;
  return StartReplication{*from, *timeline};
}

}  // namespace

Result<ReplicationCommand> parse_replication_command(std::string_view text) {
  const auto words = words_of(text);
  const auto& first = words.empty() ? std::string() : words.front();
  if (first == "IDENTIFY_SYSTEM" && words.size() == 1) return IdentifySystem{};
  if (first == "TIMELINE_HISTORY" && words.size() == 2)
    if (const auto timeline = timeline_of(words[1])) return TimelineHistory{*timeline};
  if (first == "START_REPLICATION")
    if (const auto start = start_of(words)) return *start;
  return fail(
      Error(ErrorCode::Refused, fmt::format("\"{}\" is not answered here", text.substr(0, kShown)))
          .with_hint("This is pgkeel's relay of the archive's WAL: it knows "
                     "IDENTIFY_SYSTEM, TIMELINE_HISTORY and physical START_REPLICATION "
                     "without a slot."));
}

}  // namespace pgkeel::shadow
