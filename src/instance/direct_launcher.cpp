// See launcher.hpp.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "instance/launcher.hpp"
#include "instance/systemd_scope.hpp"
#include "runtime/files.hpp"
#include "runtime/held_process.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

Result<runtime::Account> owner_of(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail_errno(errno, "look at " + path.string());
  return runtime::account_by_uid(status.st_uid);
}

// The log must be the server's own file: root must not append to what another user's symlink names.
Result<void> ensure_log_file(const fs::path& path, const runtime::Account& owner) {
  const runtime::Fd fd(
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail_errno(errno, "open server log " + path.string());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return fail(ErrorCode::Io, "server log " + path.string() + " is no regular file");
  if (!runtime::running_as_root() || status.st_uid == owner.uid || status.st_size > 0) return {};
  if (::fchown(fd.get(), owner.uid, owner.gid) != 0)
    return fail_errno(errno, "give server log " + path.string() + " to " + owner.name);
  return {};
}

class DirectLauncher final : public Launcher {
 public:
  DirectLauncher(runtime::Loop& loop, DirectLaunch launch)
      : loop_(&loop), launch_(std::move(launch)) {}

  [[nodiscard]] std::string describe() const override {
    std::string text;
    for (const std::string& word : command_line(current_command()))
      text += (text.empty() ? "" : " ") + word;
    return text;
  }

  runtime::Task<Result<Launch>> launch(std::optional<pid_t> stale_pid) override {
    CO_TRY(spec, program(stale_pid));
    CO_TRY(held, runtime::HeldProcess::start(spec));
    if (systemd_runs()) co_await move_to_scope(loop_, held.pid(), launch_.command.data_dir);
    CO_TRY(server, held.release());
    co_return Launch{describe(), std::move(server), nullptr};
  }

 private:
  [[nodiscard]] Result<runtime::ProcessSpec> program(std::optional<pid_t> stale_pid) const {
    TRY(owner, owner_of(launch_.command.data_dir));
    TRY_VOID(ensure_log_file(launch_.log_file, owner));
    const EnvironmentChange environment = server_environment(ambient_environment(), stale_pid);
    runtime::ProcessSpec spec;
    spec.argv = command_line(current_command());
    spec.environment = environment.set;
    spec.environment_removed = environment.remove;
    if (runtime::running_as_root()) spec.run_as = owner;
    spec.working_dir = launch_.command.data_dir;
    spec.output_file = launch_.log_file;
    spec.session = runtime::ProcessSpec::Session::New;
    return spec;
  }

  // Read anew each time: the server may have run with other options since.
  [[nodiscard]] ServerCommand current_command() const {
    return with_earlier_options(launch_.command, launch_.earlier);
  }

  runtime::Loop* loop_;
  DirectLaunch launch_;
};

}  // namespace

std::unique_ptr<Launcher> make_direct_launcher(runtime::Loop& loop, DirectLaunch launch) {
  return std::make_unique<DirectLauncher>(loop, std::move(launch));
}

}  // namespace pgkeel::instance
