// postmaster.pid judged against the processes that really exist. A pid alone proves nothing: it may
// be reused, by chance or always (containers), even by another cluster's postmaster.
// It guarantees: Live, Stale and Orphans are only said on evidence; whatever is contradictory or
// hidden from us is Unclear. Judging is pure (judge_lock); gathering only reads.
// It refuses to remove the file: see StartOptions::stale_pid and set_aside_garbled_lock.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "instance/instance.hpp"
#include "instance/server_processes.hpp"

namespace pgkeel::instance {

/// How far postmaster.pid's start time and the kernel's may differ: both are rounded to seconds.
inline constexpr Millis kStartTimeTolerance{2'000};
/// A lock file that says nothing may still be being written; after this it is a remnant.
inline constexpr Millis kGarbledLockAge{2'000};

/// Where servers of the directory are expected: in this PID namespace, where postmaster.pid names
/// them truly, or in a container's, where it holds the pid they have inside. A server in another
/// namespace than expected is Unclear.
enum class Namespace { Own, Container };

enum class LockFile {
  Absent,
  Read,
  Garbled,    ///< empty or no pid in it; old enough to be the remnant of a crash
  Fresh,      ///< the same, but younger than kGarbledLockAge: a server may be writing it
  Forbidden,  ///< it cannot be read
};

/// The process that has the recorded pid now, whatever it is.
struct RecordedProcess {
  enum class Presence {
    Absent,
    Dead,  ///< a zombie: it has ended, its parent has not asked
    Present,
    Hidden,  ///< it exists, we may not look at it
  } presence = Presence::Absent;
  std::string command;  ///< with its directory when that is known
  std::optional<WallTime> started_at;
};

struct LockEvidence {
  Namespace expected = Namespace::Own;
  LockFile file_state = LockFile::Absent;
  std::optional<pg::PostmasterPid> file;
  ServerScan scan;
  RecordedProcess recorded;
};

struct LockJudgement {
  LockFacts facts;
  std::optional<ServerProcess> postmaster;  ///< when facts.state is Live
};

[[nodiscard]] LockEvidence gather_lock_evidence(const std::filesystem::path& data_dir,
                                                Namespace expected = Namespace::Own);
[[nodiscard]] LockJudgement judge_lock(const LockEvidence& evidence);
[[nodiscard]] LockJudgement inspect_lock(const std::filesystem::path& data_dir,
                                         Namespace expected = Namespace::Own);

/// postmaster.pid as it stands, judged by nobody; NotFound, Malformed.
[[nodiscard]] Result<pg::PostmasterPid> read_lock_file(const std::filesystem::path& data_dir);

/// The postmaster of this directory, by the short way when postmaster.pid is true (four reads),
/// else by looking at every process.
[[nodiscard]] std::optional<Postmaster> find_postmaster(const std::filesystem::path& data_dir,
                                                        Namespace expected = Namespace::Own);

/// Renames a Garbled lock file, which makes PostgreSQL refuse to start, to
/// postmaster.pid.pgkeel-stale. Call only when the judgement is Stale without a file.
Result<void> set_aside_garbled_lock(const std::filesystem::path& data_dir);

}  // namespace pgkeel::instance
