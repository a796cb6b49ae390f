// See restore.hpp.
#include "archive/restore/restore.hpp"

#include <unistd.h>

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/receive/spool_listing.hpp"
#include "archive/restore/foreign_tablespaces.hpp"
#include "archive/restore/wal_pipe.hpp"
#include "archive/restore/wal_server.hpp"
#include "instance/binaries.hpp"
#include "instance/data_dir.hpp"
#include "pg/sql_text.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr Millis kTellEvery{200};
constexpr std::size_t kHistoryBytesMax = 1U << 20U;
constexpr std::string_view kNotReached =
    "recovery ended before configured recovery target was reached";
constexpr std::string_view kLastTransaction = "last completed transaction was at log time ";
constexpr const char* kWorkDirectory = "pgkeel-restore";  // inside the data directory

std::optional<Oid> oid_of(const std::string& name) {
  std::uint32_t number = 0;
  const auto* end = name.data() + name.size();
  const auto read = std::from_chars(name.data(), end, number);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return Oid(number);
}

Millis since(SteadyTime began) {
  return std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
}

Result<std::vector<pg::WalSegment>> received_in(const fs::path& incoming,
                                                std::uint64_t segment_bytes) {
  std::vector<pg::WalSegment> segments;
  if (incoming.empty()) return segments;
  const auto files = list_spool(incoming, segment_bytes);
  if (!files && files.error().code == ErrorCode::NotFound) return segments;
  if (!files) return fail(files.error());
  for (const auto& file : *files)
    if (file.kind != SpoolFile::Kind::History) segments.push_back(file.segment);
  return segments;
}

// A server insists on the history of a timeline that is named, and its own may not be there: an
// archive that began with it never needed it. `own`: the copy's before it replays anything.
std::string timeline_setting(const RestorePlan& plan, TimelineId own) {
  return plan.timeline == own ? "current" : to_string(plan.timeline);
}

// The timeline that a promoted server left for its own.
Result<TimelineId> timeline_before(const fs::path& data_dir, TimelineId timeline) {
  TRY(text, runtime::read_file(data_dir / "pg_wal" / pg::history_name(timeline), kHistoryBytesMax));
  TRY(changes, pg::parse_history(text));
  if (changes.empty()) return fail(ErrorCode::Malformed, "the history of its timeline is empty");
  return changes.back().parent;
}

// Between `after` and the next semicolon; empty when it is not there.
std::string said_after(std::string_view text, std::string_view after) {
  const auto at = text.find(after);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + after.size());
  return std::string(text.substr(0, text.find(';')));
}

// A server that meets no target says only that it ended; what can be had instead is for us to say.
Error not_met(const RestorePlan& plan, const Error& error) {
  if (error.detail.find(kNotReached) == std::string::npos) return error;
  const auto last = said_after(error.detail, kLastTransaction);
  auto text = fmt::format("{} is not in the WAL that follows backup {}", plan.target.describe(),
                          plan.backup.label);
  if (!last.empty()) text += ", which ends with a transaction of " + last;
  const bool anywhere = plan.target.kind == RecoveryTarget::Kind::Transaction ||
                        plan.target.kind == RecoveryTarget::Kind::Name;
  return Error(ErrorCode::NotFound, text)
      .with_hint(
          anywhere && plan.earlier
              ? fmt::format("It may lie before that backup: '--backup {}' starts from the one "
                            "before.",
                            *plan.earlier)
              : "Restore to the latest moment instead: --to latest.");
}

class Restore {
 public:
  explicit Restore(const RestoreRequest& request) : request_(&request) {}

  Result<Restored> run(const WhileUp& while_up) {
    TRY_VOID(plan());
    TRY_VOID(copy());
    TRY_VOID(replay(while_up));
    return std::move(done_);
  }
  Result<Restored> lay_out() {
    TRY_VOID(plan());
    TRY_VOID(copy());
    return std::move(done_);
  }

 private:
  Result<void> plan();
  Result<void> copy();
  Result<bool> bring();
  Result<void> replay(const WhileUp& while_up);
  Result<void> set_up_configuration() const;
  Result<PrivateServerOptions> server_options(const fs::path& work_dir) const;
  Result<void> note_position(const PrivateServer& server);
  [[nodiscard]] Result<void> require_followed() const;
  void tell(RestorePhase phase, const WalServer* wal = nullptr);

  const RestoreRequest* request_;
  std::optional<RestorePlan> plan_;
  TimelineId own_;  // the copy's, before it replays anything
  Restored done_;
  ExtractProgress copied_;
};

void Restore::tell(RestorePhase phase, const WalServer* wal) {
  if (!request_->tell) return;
  RestoreProgress progress;
  progress.phase = phase;
  progress.bytes = copied_.bytes;
  progress.bytes_total = plan_ ? plan_->backup.plain_bytes : 0;
  progress.segments = wal != nullptr ? wal->segments_given() : 0;
  if (wal != nullptr) progress.segment = const_cast<WalServer*>(wal)->last_asked();
  request_->tell(progress);
}

Result<void> Restore::plan() {
  tell(RestorePhase::Planning);
  TRY(plan, plan_restore_of(*request_));
  plan_ = plan;
  done_.backup = plan_->backup;
  done_.gap = plan_->gap;
  done_.followed = plan_->timeline;
  own_ = plan_->backup.timeline;
  done_.abandoned = plan_->abandoned;
  for (const auto& space : plan_->backup.tablespaces)
    done_.tablespaces[space.oid] = request_->tablespaces_into.empty()
                                       ? tablespace_dir(request_->into, space.oid)
                                       : request_->tablespaces_into / to_string(space.oid);
  return {};
}

// What was brought knows where its tablespaces are.
Result<bool> Restore::bring() {
  if (!request_->bring_copy) return false;
  TRY(brought, request_->bring_copy(request_->into, plan_->backup.system_id));
  if (!brought) return false;
  done_.brought = true;
  TRY(control, instance::read_control_file(request_->into));
  own_ = control.timeline;
  done_.tablespaces.clear();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(request_->into / "pg_tblspc", error)) {
    const auto oid = oid_of(entry.path().filename().string());
    const auto target = fs::read_symlink(entry.path(), error);
    if (oid && !error) done_.tablespaces[*oid] = target;
  }
  return true;
}

Result<void> Restore::copy() {
  const auto began = SteadyClock::now();
  TRY(brought, bring());
  if (brought) {
    done_.copy_took = since(began);
    return set_up_configuration();
  }
  ExtractRequest extract_request;
  extract_request.store = request_->store;
  extract_request.keys = request_->keys;
  extract_request.backup = &plan_->backup;
  extract_request.into = request_->into;
  extract_request.tablespaces = done_.tablespaces;
  extract_request.config_into = request_->into / "pgkeel-config";
  extract_request.owner = request_->account;
  extract_request.threads = request_->threads;
  extract_request.progress = &copied_;
  extract_request.stop = request_->stop;
  {
    const std::jthread teller([this](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      do tell(RestorePhase::Copying);
      while (!never.wait_for(lock, stop, kTellEvery, [&] { return stop.stop_requested(); }));
    });
    TRY_VOID(extract(extract_request));
  }
  done_.copy_took = since(began);
  return set_up_configuration();
}

// A server whose configuration is elsewhere (Debian) has no postgresql.conf in its data directory.
// The saved one is kept beside; the restored cluster starts from it with its own paths.
Result<void> Restore::set_up_configuration() const {
  const fs::path into = request_->into;
  std::error_code error;
  const runtime::FileMode mode{.mode = 0600, .owner = request_->account};
  if (!fs::exists(into / "postgresql.conf", error)) {
    TRY(control, instance::read_control_file(into));
    TRY_VOID(runtime::write_file_atomic(
        into / "postgresql.conf",
        fmt::format("# Made by pgkeel restore. The server's own configuration as it was saved is "
                    "in pgkeel-config/.\nmax_prepared_transactions = {}\n",
                    control.max_prepared_transactions),
        mode));
  }
  if (!fs::exists(into / "pg_hba.conf", error))
    TRY_VOID(runtime::write_file_atomic(into / "pg_hba.conf", "local all all peer\n", mode));
  if (!fs::exists(into / "pg_ident.conf", error))
    TRY_VOID(runtime::write_file_atomic(into / "pg_ident.conf", "", mode));
  return {};
}

Result<PrivateServerOptions> Restore::server_options(const fs::path& work_dir) const {
  PrivateServerOptions options;
  options.image = request_->image;
  if (options.image) {
    options.image->major = plan_->backup.major();
  } else {
    options.bin_dir = request_->bin_dir;
    if (options.bin_dir.empty()) {
      TRY(found, instance::find_bin_dir(plan_->backup.major()));
      options.bin_dir = found;
    }
  }
  options.data_dir = request_->into;
  options.work_dir = work_dir;
  options.account = request_->account;
  options.superuser = request_->superuser;
  for (const auto& [oid, directory] : done_.tablespaces) options.tablespaces.push_back(directory);
  options.settings = target_settings(request_->target);
  options.settings.emplace_back("recovery_target_timeline", timeline_setting(*plan_, own_));
  return options;
}

Result<void> Restore::note_position(const PrivateServer& server) {
  TRY(session, server.connect("template1"));
  TRY(rows, session.run("select timeline_id, redo_lsn::text, system_identifier::text from "
                        "pg_control_checkpoint(), pg_control_system()"));
  const auto* timeline = rows.at(0, "timeline_id");
  const auto* lsn = rows.at(0, "redo_lsn");
  const auto* system_id = rows.at(0, "system_identifier");
  if (timeline == nullptr || lsn == nullptr || system_id == nullptr)
    return fail(ErrorCode::Failed, "the restored server does not tell its position");
  if (*system_id != to_string(plan_->backup.system_id))
    return fail(ErrorCode::WrongIdentity, "the restored server is " + *system_id);
  done_.timeline = TimelineId(static_cast<std::uint32_t>(std::stoul(*timeline)));
  TRY(position, parse_lsn(*lsn));
  done_.lsn = position;
  return {};
}

// Whatever the server took "the latest" for: what the archive has is to be there.
Result<void> Restore::require_followed() const {
  if (request_->target.kind != RecoveryTarget::Kind::Latest) return {};
  TRY(left, timeline_before(request_->into, done_.timeline));
  if (left == plan_->timeline) return {};
  return fail(Error(ErrorCode::WrongState,
                    fmt::format("replay ended on timeline {}, and the archive goes on to {}",
                                left.value, plan_->timeline.value))
                  .with_hint("What is in the directory lacks commits: it is of no use."));
}

Result<void> Restore::replay(const WhileUp& while_up) {
  const auto began = SteadyClock::now();
  const auto& backup = plan_->backup;
  const fs::path work_dir = request_->into / kWorkDirectory;
  TRY_VOID(runtime::ensure_directory(work_dir, {.mode = 0700, .owner = request_->account}));
  TRY(wal, WalServer::start(WalSource(*request_->store, *request_->keys, request_->incoming,
                                      backup.wal_segment_bytes),
                            work_dir, request_->account, backup.wal_segment_bytes));
  TRY_VOID(runtime::write_file_atomic(request_->into / "recovery.signal", "",
                                      {.mode = 0600, .owner = request_->account}));
  TRY(options, server_options(work_dir));
  std::unique_ptr<WalPipe> pipe;
  auto fetch = fmt::format("{} wal-fetch --socket '{}' %f '%p'", request_->wal_fetch.string(),
                           wal->socket().string());
  if (options.image) {
    TRY(made, WalPipe::start(work_dir, wal->socket(), request_->account));
    pipe = std::move(made);
    fetch = pipe->restore_command();
  }
  options.settings.emplace_back("restore_command", std::move(fetch));
  done_.bin_dir = options.bin_dir;
  TRY(server, PrivateServer::start(std::move(options)));
  const auto ready =
      server->await_ready(request_->stop, [&] { tell(RestorePhase::Replaying, wal.get()); });
  if (!ready) {
    if (const auto cause = wal->failure()) return fail(*cause);
    return fail(not_met(*plan_, ready.error()));
  }
  done_.replay_took = since(began);
  done_.segments = wal->segments_given();
  TRY_VOID(note_position(*server));
  TRY_VOID(require_followed());
  if (while_up) TRY_VOID(while_up(*server, done_));
  tell(RestorePhase::Stopping, wal.get());
  TRY_VOID(server->stop());
  pipe.reset();
  wal.reset();
  std::error_code error;
  fs::remove_all(work_dir, error);  // ours: a socket, a log, fetched segments
  // The private server's command line, which names that directory: nobody may start it like that.
  fs::remove(request_->into / "postmaster.opts", error);
  return {};
}

}  // namespace

Result<RestorePlan> plan_restore_of(const RestoreRequest& request) {
  TRY(marker, read_marker(*request.store));
  if (!marker)
    return fail(Error(ErrorCode::NotFound, request.store->describe() + " holds no archive")
                    .with_hint("Check archive.store; 'pgkeel backup list' shows what is there."));
  TRY(backups, list_backups(*request.store));
  // The spool first: what leaves it meanwhile is in the store's index.
  TRY(received, received_in(request.incoming, marker->wal_segment_bytes));
  TRY(lineage, Lineage::received(request.incoming));
  TRY(index, WalIndex::read(*request.store, marker->wal_segment_bytes));
  TRY_VOID(lineage.add_stored(*request.store, index, *request.keys));
  TRY(plan, plan_restore(backups, {&index, received}, lineage,
                         {request.target, request.label, request.timeline}));
  TRY_VOID(refuse_foreign_tablespaces(plan.backup, request.in_use));
  return std::move(plan);
}

fs::path tablespace_dir(const fs::path& into, Oid oid) {
  auto directory = into;
  directory += "-tablespaces";
  return directory / to_string(oid);
}

Result<Restored> restore(const RestoreRequest& request, const WhileUp& while_up) {
  Restore work(request);
  return work.run(while_up);
}

Result<Restored> lay_out(const RestoreRequest& request) {
  Restore work(request);
  return work.lay_out();
}

}  // namespace pgkeel::archive
