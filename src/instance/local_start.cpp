// LocalInstance::start and check_config: everything that runs the server's program.
#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "instance/config_files.hpp"
#include "instance/data_dir.hpp"
#include "instance/local_instance.hpp"
#include "instance/lock.hpp"
#include "instance/preflight.hpp"
#include "instance/readiness.hpp"
#include "instance/socket_lock.hpp"
#include "instance/systemd_scope.hpp"
#include "instance/systemd_unit.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr Millis kCheckConfigTimeout{10'000};  // reading a few files; more means the disk is gone

// Where a server puts its socket when nothing is configured: Debian's build, and everybody else's.
std::vector<fs::path> default_socket_dirs() { return {"/var/run/postgresql", "/tmp"}; }

// The server's own words: every line of the configuration's faults, one after the other.
std::string messages_of(const std::string& text) {
  std::string joined;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    if (end > 0) joined += (joined.empty() ? "" : "; ") + std::string(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  constexpr std::size_t kMessagesBytesMax = 2000;
  return joined.substr(0, kMessagesBytesMax);
}

// The server reads pg_hba.conf only when it starts for good, and does not start without one. What
// is in it cannot be checked from here.
Result<void> check_hba_file(const fs::path& config_file, const fs::path& data_dir) {
  const fs::path path = hba_file_of(read_server_config(config_file, data_dir), data_dir);
  std::error_code error;
  if (fs::is_regular_file(path, error)) return {};
  return fail(Error(ErrorCode::ConfigBadValue,
                    "the server would not start: " + path.string() + " is missing")
                  .with_hint("Bring back the file the server last ran with."));
}

Error socket_taken(const SocketLockFacts& facts) {
  return {ErrorCode::PortTaken, "the socket of " + facts.path.string() + " belongs to process " +
                                    std::to_string(facts.file->pid) + " (" + facts.pid_owner + ")"};
}

}  // namespace

runtime::Task<Result<void>> LocalInstance::check_config() {
  CO_TRY(command, complete_command());
  const DataDirFacts facts = inspect_data_dir();
  runtime::ProcessSpec spec;
  spec.argv = command_line(with_earlier_options(command, layout_.earlier));
  spec.argv.insert(spec.argv.end(), {"-C", "port"});
  spec.environment_removed = server_environment(ambient_environment(), std::nullopt).remove;
  spec.environment = {{"LC_ALL", "C"}};
  if (runtime::running_as_root() && facts.owner) spec.run_as = facts.owner;
  spec.working_dir = "/";
  CO_TRY(output,
         co_await runtime::run_process(*loop_, std::move(spec), loop_->after(kCheckConfigTimeout)));
  if (output.exit.ok()) co_return check_hba_file(config_file(), data_dir());
  co_return fail(Error(ErrorCode::ConfigBadValue,
                       "the server refuses its configuration: " + messages_of(output.err))
                     .with_hint("Mend the line named above, or bring back the last configuration "
                                "the server ran with."));
}

Result<std::unique_ptr<Launcher>> LocalInstance::make_launcher() const {
  TRY(command, complete_command());
  DirectLaunch direct{std::move(command), layout_.earlier, layout_.log_file};
  if (layout_.debian) return make_debian_launcher(*loop_, *layout_.debian, std::move(direct));
  return make_direct_launcher(*loop_, std::move(direct));
}

Result<void> LocalInstance::clear_socket_locks(std::optional<pid_t> stale_pid) const {
  std::vector<fs::path> dirs = {layout_.socket_dir};
  if (layout_.socket_dir.empty())
    dirs = socket_dirs_of(read_server_config(config_file(), data_dir()));
  if (dirs.empty()) dirs = default_socket_dirs();
  for (const fs::path& dir : dirs) {
    if (dir.string().starts_with('@')) continue;  // abstract: no file
    const SocketLockFacts lock = inspect_socket_lock(data_dir() / dir, configured_port());
    if (lock.state == LockState::Live) return fail(socket_taken(lock));
    if (lock.file && lock.file->pid == stale_pid) continue;  // the server is told to ignore it
    TRY_VOID(set_aside_socket_lock(lock));
  }
  return {};
}

Result<void> LocalInstance::check_identity_now(SystemId expected) const {
  TRY(control, read_control_file(data_dir()));
  return check_identity(control, data_dir(), expected);
}

// Everything a start may stumble over besides the data itself; the pid the server must ignore.
Result<std::optional<pid_t>> LocalInstance::clear_the_way(std::optional<pid_t> verified) const {
  const LockFacts lock = inspect_lock();
  TRY(stale_pid, check_lock(lock, data_dir(), verified));
  if (lock.state == LockState::Stale && !lock.file) TRY_VOID(set_aside_garbled_lock(data_dir()));
  TRY_VOID(clear_socket_locks(stale_pid));
  return stale_pid;
}

runtime::Task<Result<StartReport>> LocalInstance::start(StartOptions options, SteadyTime deadline) {
  if (systemd_runs() && !layout_.unit.empty()) {
    co_await await_unit_settled(loop_, layout_.unit, options.stale_pid);
    // The unit's stop command may have removed the dead server's lock file.
    if (!read_lock_file(data_dir())) options.stale_pid.reset();
  }
  CO_TRY_VOID(co_await preflight());
  // Once before anything is tidied, and again last thing before exec.
  CO_TRY_VOID(check_identity_now(options.expected));
  CO_TRY(stale_pid, clear_the_way(options.stale_pid));
  CO_TRY(launcher, make_launcher());
  StartedServer started{data_dir(), {}, LogMark::take(server_log(), data_dir()), loop_->now()};
  CO_TRY_VOID(check_identity_now(options.expected));
  fault_point("instance.start.before");
  CO_TRY(launch, co_await launcher->launch(stale_pid));
  fault_point("instance.start.after");
  log_info("starting server", {{"by", launch.by}});
  started.launch = std::move(launch);
  auto report = co_await await_ready(loop_, std::move(started), deadline);
  co_return report;
}

}  // namespace pgkeel::instance
