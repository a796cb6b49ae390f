// See companion.hpp.
#include "app/guard/companion.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "base/log.hpp"
#include "runtime/files.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Millis kBackoffLeast{1'000};
constexpr Millis kBackoffMost{60'000};
constexpr Millis kBuryWithin{1'000};
constexpr Seconds kHealthyAfter{60};  // a run of this length starts the back-off anew
constexpr std::uintmax_t kLogBytesMax = 10U << 20U;

// The program as it is on disk now: after an upgrade ours and the companion's may be gone.
std::string present_program() {
  constexpr std::string_view kGone = " (deleted)";
  auto path = own_program().string();
  if (path.ends_with(kGone)) path.resize(path.size() - kGone.size());
  return path;
}

// Ours may hold the archive's keys and the server's password.
std::vector<std::string> all_but_bare(const char* const* ours) {
  constexpr auto kBare = std::to_array<std::string_view>(
      {"PATH", "TZ", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OPENSSL_CONF"});
  std::vector<std::string> names;
  for (; ours != nullptr && *ours != nullptr; ++ours) {
    const std::string_view entry(*ours);
    const auto name = entry.substr(0, entry.find('='));
    if (std::ranges::find(kBare, name) == kBare.end()) names.emplace_back(name);
  }
  return names;
}

// One old log is kept; one that dies every minute must not fill the disk.
void rotate(const std::filesystem::path& log) {
  std::error_code error;
  const auto size = std::filesystem::file_size(log, error);
  if (error || size < kLogBytesMax) return;
  auto old = log;
  old += ".1";
  std::filesystem::rename(log, old, error);
}

}  // namespace

Companion::Companion(const Config& config, runtime::Loop& loop, CompanionSpec spec)
    : config_(config), loop_(loop), spec_(std::move(spec)), backoff_(kBackoffLeast) {}

Task<void> Companion::bury() {
  if (!process_) co_return;
  const auto pid = process_->pid();
  burying_ = true;
  const auto ended = co_await process_->wait_exit(loop_, loop_.after(kBuryWithin));
  burying_ = false;
  const bool known = ended && *ended;
  log_warning(spec_.name + " ended",
              {{"pid", pid}, {"how", known ? (*ended)->describe() : "unknown"}});
  process_.reset();
  if (former_) log_info(spec_.name + " before it goes on", {{"pid", former_->pid()}});
  process_ = std::exchange(former_, std::nullopt);
  if (loop_.now() - started_at_ >= kHealthyAfter) backoff_ = kBackoffLeast;
  next_start_ = loop_.now() + backoff_;
  backoff_ = std::min(backoff_ * 2, kBackoffMost);
}

bool Companion::is_ours(pid_t pid) const {
  const auto words = runtime::read_proc_cmdline(pid);
  return words && std::ranges::find(*words, spec_.word) != words->end();
}

void Companion::adopt(pid_t pid) {
  if (burying_) return;  // the next look finds it
  auto process = runtime::ProcessHandle::open(pid);
  if (!process || !process->alive() || !is_ours(pid)) return;
  log_info(spec_.name + " adopted", {{"pid", pid}});
  process_.emplace(*std::move(process));
  started_at_ = loop_.now();
}

void Companion::start_when_due() {
  if (loop_.now() >= next_start_) start();
}

// One that has not said who it is yet.
bool Companion::somebody_elses() const {
  if (spec_.lock_file.empty()) return false;
  static_cast<void>(
      runtime::ensure_directory(spec_.lock_file.parent_path(), {.mode = 0700, .owner = {}}));
  return !runtime::FileLock::acquire(spec_.lock_file, "pgkeel guard: starting " + spec_.name);
}

void Companion::start() {
  if (!somebody_elses()) return launch();
  next_start_ = loop_.now() + backoff_;
}

void Companion::launch() {
  next_start_ = loop_.now() + backoff_;
  auto words = spec_.words;
  words.insert(words.begin(), spec_.word);
  runtime::ProcessSpec spec;
  spec.argv = own_command(config_, std::move(words));
  spec.argv.front() = present_program();
  spec.working_dir = spec_.working_dir;
  if (spec_.environment == CompanionSpec::Environment::Bare)
    spec.environment_removed = all_but_bare(environ);
  spec.output_file = spec_.log_file;
  spec.session = runtime::ProcessSpec::Session::New;
  rotate(spec.output_file);
  auto started = runtime::start_process(spec);
  if (!started) {
    log_error(spec_.name + " does not start", {{"why", started.error().message()}});
    return;
  }
  log_info(spec_.name + " started", {{"pid", started->pid()}});
  process_.emplace(*std::move(started));
  started_at_ = loop_.now();
}

void Companion::replace(std::string_view why) {
  log_info(fmt::format("replacing {}: {}", spec_.name, why), {{"pid", pid()}});
  static_cast<void>(process_->signal(SIGTERM));
}

void Companion::succeed(std::string_view why) {
  if (former_ || loop_.now() < next_start_) return;
  log_info(fmt::format("{} is to be taken over from: {}", spec_.name, why), {{"pid", pid()}});
  auto former = std::exchange(process_, std::nullopt);
  launch();
  (process_ ? former_ : process_) = std::move(former);
}

void Companion::settled() {
  if (former_) leaving_.push_back(*std::exchange(former_, std::nullopt));
}

void Companion::let_go(pid_t pid) {
  if (former_ && former_->pid() == pid) return settled();
  if (is_former(pid)) return;
  if (process_ && process_->pid() == pid) {
    leaving_.push_back(*std::exchange(process_, std::nullopt));
  } else if (auto process = runtime::ProcessHandle::open(pid); process && is_ours(pid)) {
    leaving_.push_back(*std::move(process));
  }
}

bool Companion::is_former(pid_t pid) const {
  const auto is = [&](const auto& one) { return one.pid() == pid; };
  return (former_ && is(*former_)) || std::ranges::any_of(leaving_, is);
}

Task<void> Companion::bury_former() {
  const auto gone = std::ranges::find_if(leaving_, [](const auto& one) { return !one.alive(); });
  if (gone == leaving_.end()) co_return;
  const auto process = std::move(*gone);
  leaving_.erase(gone);
  static_cast<void>(co_await process.wait_exit(loop_, loop_.after(kBuryWithin)));
  log_info(spec_.name + " that was taken over from has ended", {{"pid", process.pid()}});
}

// By the files themselves: an upgrade leaves the name as it is.
bool Companion::other_program() const {
  const auto runs = runtime::inode_of(fmt::format("/proc/{}/exe", pid()));
  const auto there = runtime::inode_of(present_program());
  return runs && there && *runs != *there;
}

}  // namespace pgkeel::app
