// See lock_note.hpp.
#include "runtime/lock_note.hpp"

#include <charconv>
#include <string_view>

#include "runtime/files.hpp"

namespace pgkeel::runtime {
namespace {

constexpr std::size_t kNoteBytesMost = 512;
constexpr std::string_view kBeforePid = "(pid ";

}  // namespace

std::optional<pid_t> noted_pid(const std::filesystem::path& lock) {
  const auto note = read_file(lock, kNoteBytesMost);
  const auto at = note ? note->find(kBeforePid) : std::string::npos;
  if (at == std::string::npos) return std::nullopt;
  pid_t pid = 0;
  const auto* from = note->data() + at + kBeforePid.size();
  const auto parsed = std::from_chars(from, note->data() + note->size(), pid);
  return parsed.ec == std::errc() && pid > 1 ? std::optional(pid) : std::nullopt;
}

}  // namespace pgkeel::runtime
