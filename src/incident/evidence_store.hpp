// What was seen when an incident opened, kept beside the journal as one document an incident, so
// that a report weeks later still has it: STATE_DIR/evidence/ID.json (directory 0700, files 0600).
// It guarantees: bounded size and number, the oldest go first; nothing is written where the disk is
// short of room, which the journal needs more. It refuses what is no incident's id. The caller has
// redacted the document.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::incident {

inline constexpr std::size_t kEvidenceBytesMax = 512U << 10U;
inline constexpr std::size_t kEvidenceKept = 50;
inline constexpr std::uint64_t kEvidenceRoomMin = 64ULL << 20U;  // free beside it

[[nodiscard]] std::filesystem::path evidence_dir(const std::filesystem::path& state_dir);
/// DiskFull when there is no room to spare, Malformed when the document is too large.
Result<void> keep_evidence(const std::filesystem::path& state_dir, std::string_view id,
                           std::string_view document);
/// NotFound when none was kept, or no more.
[[nodiscard]] Result<std::string> kept_evidence(const std::filesystem::path& state_dir,
                                                std::string_view id);

}  // namespace pgkeel::incident
