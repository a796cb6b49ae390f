// See socket_lock.hpp; the rules of PostgreSQL are those of CreateLockFile in miscinit.c.
#include "instance/socket_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdio>

#include "instance/lock.hpp"
#include "instance/server_processes.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

bool is_old(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return false;
  const WallTime written{std::chrono::seconds(status.st_mtim.tv_sec)};
  return wall_now() - written > kGarbledLockAge;
}

void judge_garbled(SocketLockFacts& facts) {
  facts.garbled = true;
  facts.state = is_old(facts.path) ? LockState::Stale : LockState::Unclear;
}

bool started_then(const runtime::ProcStat& stat, std::int64_t epoch_s) {
  const auto started = runtime::proc_started_at(stat);
  return started && std::chrono::abs(*started - WallTime{std::chrono::seconds(epoch_s)}) <=
                        kStartTimeTolerance;
}

// The owner of a socket is a postmaster that stands in the data directory the lock names. Where its
// directory is hidden from us, name and start time decide, on the side of leaving it alone.
void judge_owner(SocketLockFacts& facts) {
  const auto stat = runtime::read_proc_stat(facts.file->pid);
  if (!stat) {
    const bool exists = runtime::ProcessHandle::open(facts.file->pid).has_value();
    facts.state = exists ? LockState::Unclear : LockState::Stale;
    return;
  }
  facts.pid_owner = stat->command;
  if (const auto cwd = runtime::read_proc_cwd(stat->pid)) facts.pid_owner += " in " + cwd->string();
  const bool ended = stat->state == 'Z' || stat->state == 'X';
  const auto server = find_server_process(stat->pid, facts.file->data_dir);
  const bool hidden = !server && server.error().code == ErrorCode::Permission &&
                      is_server_executable(stat->command) &&
                      started_then(*stat, facts.file->started_epoch_s);
  const bool live = !ended && (server.has_value() || hidden);
  facts.state = live ? LockState::Live : LockState::Stale;
  facts.pid_reused = !live;
}

}  // namespace

SocketLockFacts inspect_socket_lock(const fs::path& socket_dir, std::uint16_t port) {
  SocketLockFacts facts;
  facts.path = socket_dir / pg::socket_lock_name(port);
  const auto text = runtime::read_file(facts.path, pg::kLockFileBytesMax);
  if (!text) {
    if (text.error().code == ErrorCode::Malformed) judge_garbled(facts);
    else if (text.error().code != ErrorCode::NotFound) facts.state = LockState::Unclear;
    return facts;
  }
  auto file = pg::parse_socket_lock(*text);
  if (!file) {
    judge_garbled(facts);
    return facts;
  }
  facts.file = *std::move(file);
  judge_owner(facts);
  return facts;
}

Result<void> set_aside_socket_lock(const SocketLockFacts& facts) {
  if (facts.state != LockState::Stale || !(facts.pid_reused || facts.garbled)) return {};
  const fs::path aside = facts.path.string() + ".pgkeel-stale";
  if (::rename(facts.path.c_str(), aside.c_str()) != 0)
    return errno == ENOENT ? Result<void>() : fail_errno(errno, "set aside " + facts.path.string());
  const auto text = runtime::read_file(aside, pg::kLockFileBytesMax);
  const auto file = text ? pg::parse_socket_lock(*text) : fail(text.error());
  const bool same = facts.garbled ? !file
                                  : file && file->pid == facts.file->pid &&
                                        file->started_epoch_s == facts.file->started_epoch_s;
  if (same) return {};
  // A server claimed the socket between judging and renaming: give it back unless a third one came.
  static_cast<void>(
      ::renameat2(AT_FDCWD, aside.c_str(), AT_FDCWD, facts.path.c_str(), RENAME_NOREPLACE));
  return fail(ErrorCode::Refused, facts.path.string() + " changed while it was judged stale");
}

}  // namespace pgkeel::instance
