// Opening the state: directory, lock, files, versions; and putting a damaged file aside. A fresh
// state that cannot be finished (full disk) is taken away again; one that was there is left alone.
#include "incident/store.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "incident/schema.hpp"
#include "incident/store_connection.hpp"

namespace pgkeel::incident {
namespace {

constexpr std::string_view kLockName = "guard.lock";
constexpr std::string_view kStateName = "state.db";
constexpr std::string_view kProbesName = "probes.db";
constexpr auto kFileSuffixes = std::to_array<std::string_view>({"", "-wal", "-shm"});
// Room for both files, their WALs and some incidents; less is a full disk.
constexpr std::uint64_t kFreshStateBytes = 2 << 20;

// What a damaged ledger is asked for once more: who the cluster is, what an operator decided, which
// ids are used up. Everything else is learned again from the server.
constexpr auto kRescuedTables =
    std::to_array<std::string_view>({"identity", "facts", "history", "incident_days"});

bool is_present(const std::filesystem::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

std::filesystem::path with_suffix(const std::filesystem::path& path, std::string_view suffix) {
  return path.string() + std::string(suffix);
}

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

std::string compact_time(WallTime time) {
  std::string text;
  for (const char c : to_iso8601(time))
    if (c != '-' && c != ':' && c != '.') text += c;
  return text;  // 20261121T030405123Z
}

// Renames the file with its -wal and -shm; the main file last, so that a crash in between leaves it
// in place to be found damaged again.
Result<std::filesystem::path> set_aside(const std::filesystem::path& path) {
  const auto aside = with_suffix(path, ".damaged-" + compact_time(wall_now()));
  for (const std::string_view suffix : {"-wal", "-shm", ""}) {
    if (!is_present(with_suffix(path, suffix))) continue;
    TRY_VOID(runtime::rename_durable(with_suffix(path, suffix), with_suffix(aside, suffix)));
    fault_point("store.set_aside:renamed");
  }
  return aside;
}

// Best effort: what cannot be read from the damaged file is left in it. Names what was copied.
std::string rescue(Database& into, const std::filesystem::path& aside) {
  std::string rescued;
  if (!into.run("ATTACH ? AS aside", "file:" + percent_encoded(aside) + "?mode=ro")) return rescued;
  for (const auto table : kRescuedTables) {
    const auto copied =
        into.run(fmt::format("INSERT OR IGNORE INTO main.{0} SELECT * FROM aside.{0}", table));
    if (copied && *copied > 0) rescued += fmt::format("{}{}", rescued.empty() ? "" : ", ", table);
  }
  static_cast<void>(into.run_script("DETACH aside"));
  return rescued;
}

Result<std::unique_ptr<Database>> open_current(const std::filesystem::path& path,
                                               Durability durability, SchemaSteps steps) {
  TRY(database, Database::open(path, durability));
  TRY_VOID(migrate(*database, steps));
  return std::move(database);
}

struct Opened {
  std::unique_ptr<Database> database;
  std::string note;
};

// Opens the file; when it is damaged, puts it aside and starts a new one.
Result<Opened> open_or_replace(const std::filesystem::path& path, Durability durability,
                               SchemaSteps steps) {
  auto opened = open_current(path, durability, steps);
  if (opened) return Opened{std::move(*opened), ""};
  if (opened.error().code != ErrorCode::Malformed) return fail(std::move(opened).error());
  const auto why = opened.error().detail;
  TRY(aside, set_aside(path));
  TRY(fresh, open_current(path, durability, steps));
  const auto rescued = path.filename() == kStateName ? rescue(*fresh, aside) : std::string();
  auto note =
      fmt::format("{}; kept as {}, a new one was started with {}", why, aside.filename().string(),
                  rescued.empty() ? "nothing from it" : rescued + " from it");
  return Opened{std::move(fresh), std::move(note)};
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

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& state_dir) {
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
  unfinished.may_make(kStateName);
  unfinished.may_make(kProbesName);
  TRY(state, open_or_replace(state_dir / kStateName, Durability::EveryCommit, state_schema()));
  TRY(probes, open_or_replace(state_dir / kProbesName, Durability::Checkpoint, probe_schema()));
  connection->state = std::move(state.database);
  connection->probes = std::move(probes.database);
  connection->set_aside_note = fmt::format(
      "{}{}{}", state.note, state.note.empty() || probes.note.empty() ? "" : "; ", probes.note);
  unfinished.keep();
  return std::unique_ptr<Store>(new Store(std::move(connection)));
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
