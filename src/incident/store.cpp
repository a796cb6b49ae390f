// Opening the state: directory, lock, files, versions; and putting a damaged file aside. A fresh
// state that cannot be finished (full disk) is taken away again; one that was there is left alone.
#include "incident/store.hpp"

#include <unistd.h>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/log.hpp"
#include "incident/replace_damaged.hpp"
#include "incident/reserve.hpp"
#include "incident/schema.hpp"
#include "incident/store_connection.hpp"

namespace pgkeel::incident {
namespace {

constexpr std::string_view kLockName = "guard.lock";
constexpr std::string_view kStateName = "state.db";
constexpr std::string_view kProbesName = "probes.db";
// Room for both files, their WALs and some incidents; less is a full disk.
constexpr std::uint64_t kFreshStateBytes = 2 << 20;

// What a damaged ledger is asked for once more: who the cluster is, what an operator decided, which
// ids are used up, whom to tell what. Everything else is learned again from the server.
constexpr auto kRescuedTables = std::to_array<std::string_view>(
    {"identity", "facts", "history", "incident_days", "alerts", "alerts_said"});

// Takes away what a failed open() made, unless keep() was called.
class Unfinished {
 public:
  explicit Unfinished(std::filesystem::path dir)
      : dir_(std::move(dir)), dir_is_new_(!is_present(dir_)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    for (const auto& file : fresh_)
      for (const auto suffix : kFileSuffixes) ::unlink(with_suffix(file, suffix).c_str());
    if (dir_is_new_) ::rmdir(dir_.c_str());
  }
  /// The file is ours to take away if it is not there now.
  void may_make(std::string_view name) {
    if (!is_present(dir_ / name)) fresh_.push_back(dir_ / name);
  }
  void keep() {
    fresh_.clear();
    dir_is_new_ = false;
  }

 private:
  std::filesystem::path dir_;
  bool dir_is_new_;
  std::vector<std::filesystem::path> fresh_;
};

// Before anything is made: a full disk is refused while nothing has been touched.
Result<void> require_space(const std::filesystem::path& state_dir) {
  if (is_present(state_dir / kStateName)) return {};
  const auto absolute = std::filesystem::absolute(state_dir / "").parent_path();
  const auto looked_at = is_present(absolute) ? absolute : absolute.parent_path();
  if (!is_present(looked_at)) return {};  // making the directory will say so
  TRY(space, runtime::disk_space(looked_at));
  const bool inodes_out = space.inodes_total > 0 && space.inodes_free < 8;
  if (space.bytes_free >= kFreshStateBytes && !inodes_out) return {};
  return fail(ErrorCode::DiskFull,
              fmt::format("state directory {}: its disk has {} and {} inodes free, {} are needed",
                          state_dir.string(), format_size(space.bytes_free), space.inodes_free,
                          format_size(kFreshStateBytes)));
}

// A guard ran here before, and the state is gone or empty: started anew, but not in silence. (The
// probe ring is only made once the state is whole.)
std::string note_of_loss(const std::filesystem::path& state_dir) {
  const auto state = state_dir / kStateName;
  std::error_code unknown;
  const bool empty = !is_present(state) || std::filesystem::file_size(state, unknown) == 0;
  if (!empty || !is_present(state_dir / kProbesName)) return "";
  return fmt::format("state database {} is gone or empty; a new one was started that knows nothing",
                     state.string());
}

std::string joined(std::string_view first, std::string_view second) {
  return fmt::format("{}{}{}", first, first.empty() || second.empty() ? "" : "; ", second);
}

std::string lock_note() {
  return fmt::format("pgkeel guard, pid {}, since {}", ::getpid(), to_iso8601(wall_now()));
}

}  // namespace

Store::Store(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

Store::~Store() {
  const std::lock_guard held(connection_->mutex);
  if (!connection_->lock) return;
  if (const auto flushed = flush_probes(*connection_); !flushed)
    log_warning("last probes not written", {{"error", flushed.error().message()}});
}

const std::string& Store::set_aside_note() const { return connection_->set_aside_note; }

Result<std::unique_ptr<Store>> Store::open_once(const std::filesystem::path& state_dir) {
  TRY_VOID(require_space(state_dir));
  auto connection = std::make_unique<Connection>();  // the lock goes after `unfinished` is done
  Unfinished unfinished(state_dir);
  unfinished.may_make(kLockName);
  TRY_VOID(runtime::ensure_directory(state_dir, {.mode = 0700, .owner = {}}));
  auto lock = runtime::FileLock::acquire(state_dir / kLockName, lock_note());
  if (!lock) {
    // Whatever is there now belongs to the guard that has the lock.
    if (lock.error().code == ErrorCode::StateLocked) unfinished.keep();
    return fail(std::move(lock).error());
  }
  connection->lock = std::move(*lock);
  connection->state_dir = state_dir;
  const auto loss = note_of_loss(state_dir);
  unfinished.may_make(kStateName);
  unfinished.may_make(kProbesName);
  TRY(state, open_or_replace({.path = state_dir / kStateName,
                              .durability = Durability::EveryCommit,
                              .steps = state_schema(),
                              .rescued = kRescuedTables}));
  TRY(probes, open_or_replace({.path = state_dir / kProbesName,
                               .durability = Durability::Checkpoint,
                               .steps = probe_schema(),
                               .rescued = {}}));
  connection->set_aside_note = joined(state.note.empty() ? loss : state.note, probes.note);
  connection->state = std::move(state.database);
  connection->probes = std::move(probes.database);
  unfinished.keep();
  return std::unique_ptr<Store>(new Store(std::move(connection)));
}

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& state_dir) {
  auto opened = open_once(state_dir);
  if (!opened && opened.error().code == ErrorCode::DiskFull && release_reserve(state_dir))
    return open_once(state_dir);
  if (opened) keep_reserve(state_dir);
  return opened;
}

Result<std::unique_ptr<Store>> Store::open_read_only(const std::filesystem::path& state_dir) {
  if (!is_present(state_dir / kStateName)) {
    return fail(Error(ErrorCode::NotFound,
                      fmt::format("state directory {}: no guard has run here", state_dir.string()))
                    .with_hint("Check state_dir, or start the guard once."));
  }
  auto connection = std::make_unique<Connection>();
  TRY(state, Database::open_read_only(state_dir / kStateName));
  TRY_VOID(require_schema(*state, state_schema()));
  connection->state = std::move(state);
  if (is_present(state_dir / kProbesName)) {
    TRY(probes, Database::open_read_only(state_dir / kProbesName));
    TRY_VOID(require_schema(*probes, probe_schema()));
    connection->probes = std::move(probes);
  }
  return std::unique_ptr<Store>(new Store(std::move(connection)));
}

}  // namespace pgkeel::incident
