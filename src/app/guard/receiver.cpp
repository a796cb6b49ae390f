// See receiver.hpp.
#include "app/guard/receiver.hpp"

#include <algorithm>
#include <csignal>

#include "app/archive/tools.hpp"
#include "app/guard/dump_schedule.hpp"
#include "archive/receive/receive.hpp"
#include "base/log.hpp"
#include "instance/instance.hpp"
#include "runtime/files.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Millis kLookEvery{1'000};
constexpr Millis kBackoffLeast{1'000};
constexpr Millis kBackoffMost{60'000};
constexpr Seconds kHealthyAfter{60};  // a run of this length starts the back-off anew
// The receiver writes its status at least every five seconds while it streams.
constexpr Seconds kStatusAgeMax{15};
constexpr std::uintmax_t kLogBytesMax = 10U << 20U;
constexpr const char* kReceiverLog = "receive.log";

bool is_receiver(pid_t pid) {
  const auto words = runtime::read_proc_cmdline(pid);
  return words && std::ranges::find(*words, "receive") != words->end();
}

// The program as it is on disk now: after an upgrade ours and the receiver's may be gone.
std::string present_program() {
  constexpr std::string_view kGone = " (deleted)";
  auto path = own_program().string();
  if (path.ends_with(kGone)) path.resize(path.size() - kGone.size());
  return path;
}

// One old log is kept; a receiver that dies every minute must not fill the disk.
void rotate(const std::filesystem::path& log) {
  std::error_code error;
  const auto size = std::filesystem::file_size(log, error);
  if (error || size < kLogBytesMax) return;
  auto old = log;
  old += ".1";
  std::filesystem::rename(log, old, error);
}

}  // namespace

ReceiverKeeper::ReceiverKeeper(const Config& config, runtime::Loop& loop,
                               const sense::Senses& senses)
    : config_(config), loop_(loop), senses_(senses), backoff_(kBackoffLeast) {}

// A server somewhere else is first asked what the role may.
bool ReceiverKeeper::may_receive() const {
  const auto& rights = senses_.observation().rights;
  if (config_.instance.kind != instance::Kind::Remote) return true;
  return rights.seen && !dumps_only(config_, rights);
}

bool ReceiverKeeper::streaming() const {
  using enum archive::ReceiveState;
  return running() && status_ && status_->pid == process_->pid() &&
         (status_->state == Streaming || status_->state == CatchingUp) &&
         wall_now() - status_->written_at < kStatusAgeMax;
}

Task<void> ReceiverKeeper::run() {
  if (!config_.archive.configured() || config_.mode == Mode::Advise) co_return;
  while (true) {
    auto status = archive::read_receive_status(config_.state_dir / archive::kReceiveStatusFile);
    status_ = status ? std::optional(*std::move(status)) : std::nullopt;
    if (!running()) {
      co_await bury();
      adopt();
    }
    if (running()) replace_outdated();
    else if (loop_.now() >= next_start_ && may_receive()) start();
    static_cast<void>(co_await loop_.sleep_for(kLookEvery));
  }
}

// The end of a receiver we started or adopted.
Task<void> ReceiverKeeper::bury() {
  if (!process_) co_return;
  const auto pid = process_->pid();
  const auto ended = co_await process_->wait_exit(loop_, loop_.after(kLookEvery));
  const bool known = ended && *ended;
  log_warning("the WAL receiver ended",
              {{"pid", pid}, {"how", known ? (*ended)->describe() : "unknown"}});
  process_.reset();
  if (loop_.now() - started_at_ >= kHealthyAfter) backoff_ = kBackoffLeast;
  next_start_ = loop_.now() + backoff_;
  backoff_ = std::min(backoff_ * 2, kBackoffMost);
}

void ReceiverKeeper::adopt() {
  if (!status_ || status_->pid <= 0 || status_->state == archive::ReceiveState::Stopped) return;
  auto process = runtime::ProcessHandle::open(status_->pid);
  if (!process || !process->alive() || !is_receiver(status_->pid)) return;
  log_info("WAL receiver adopted", {{"pid", status_->pid}});
  process_.emplace(*std::move(process));
  started_at_ = loop_.now();
}

void ReceiverKeeper::start() {
  next_start_ = loop_.now() + backoff_;
  // Somebody else's receiver that has not said who it is yet.
  const auto lock = config_.state_dir / archive::kReceiveLockFile;
  if (!runtime::FileLock::acquire(lock, "pgkeel guard: starting the receiver")) return;
  runtime::ProcessSpec spec;
  spec.argv = own_command(config_, {"receive"});
  spec.argv.front() = present_program();
  spec.output_file = config_.state_dir / kReceiverLog;
  spec.session = runtime::ProcessSpec::Session::New;
  rotate(spec.output_file);
  auto started = runtime::start_process(spec);
  if (!started) {
    log_error("the WAL receiver does not start", {{"why", started.error().message()}});
    return;
  }
  log_info("WAL receiver started", {{"pid", started->pid()}});
  process_.emplace(*std::move(started));
  started_at_ = loop_.now();
}

bool ReceiverKeeper::outdated() const {
  if (!status_ || status_->pid != process_->pid()) return false;
  const bool sync = config_.archive.durability == Durability::Sync;
  const bool is_sync = status_->durability == archive::Durability::Sync;
  if (sync != is_sync || status_->store != config_.archive.store.where) return true;
  const auto program = runtime::read_proc_exe(process_->pid());
  return program && *program != present_program();
}

void ReceiverKeeper::replace_outdated() {
  if (!outdated()) return;
  log_info("replacing a WAL receiver of another configuration or program",
           {{"pid", process_->pid()}});
  static_cast<void>(process_->signal(SIGTERM));
}

}  // namespace pgkeel::app
