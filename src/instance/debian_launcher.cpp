// See launcher.hpp. pg_ctlcluster makes the socket and log directories, applies the cluster's
// environment file and drops to the owner by itself; it then waits some seconds more for a login,
// which we do not: readiness is seen in postmaster.pid.
#include "instance/launcher.hpp"
#include "instance/systemd_scope.hpp"
#include "runtime/account.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::instance {
namespace {

// pg_ctl gives up after 60 s and pg_ctlcluster after 30 more; recovery goes on without them.
constexpr Millis kStarterTimeout{180'000};

runtime::Task<void> run_starter(runtime::Loop* loop, std::vector<runtime::ProcessSpec> specs,
                                std::shared_ptr<StarterRun> run) {
  std::optional<Result<runtime::ProcessOutput>> ended;
  for (runtime::ProcessSpec& spec : specs) {
    auto output =
        co_await runtime::run_process(*loop, std::move(spec), loop->after(kStarterTimeout));
    ended = std::move(output);
  }
  run->ended = std::move(ended);
}

// As pg_ctlcluster judges the process that has the pid now.
bool taken_for_server(pid_t pid) {
  const auto words = runtime::read_proc_cmdline(pid);
  return words && !words->empty() && words->front().find("postgres") != std::string::npos;
}

runtime::ProcessSpec program(std::vector<std::string> argv) {
  runtime::ProcessSpec spec;
  const EnvironmentChange environment = server_environment(ambient_environment(), std::nullopt);
  spec.argv = std::move(argv);
  spec.environment_removed = environment.remove;
  spec.working_dir = "/";
  spec.session = runtime::ProcessSpec::Session::New;
  return spec;
}

class DebianLauncher final : public Launcher {
 public:
  DebianLauncher(runtime::Loop& loop, DebianCluster cluster, std::unique_ptr<Launcher> direct)
      : loop_(&loop), cluster_(std::move(cluster)), direct_(std::move(direct)) {}

  [[nodiscard]] std::string describe() const override {
    return by_systemd() ? "systemctl start " + cluster_.unit()
                        : "pg_ctlcluster " + cluster_.version + " " + cluster_.name + " start";
  }

  runtime::Task<Result<Launch>> launch(std::optional<pid_t> stale_pid) override {
    if (stale_pid && (!by_systemd() || taken_for_server(*stale_pid))) {
      auto launched = co_await direct_->launch(stale_pid);
      co_return launched;
    }
    std::vector<runtime::ProcessSpec> specs;
    if (by_systemd()) {
      // Otherwise systemd's own start limit would stand in the way; the guard has a budget itself.
      specs.push_back(program({"systemctl", "reset-failed", cluster_.unit()}));
      specs.push_back(program({"systemctl", "start", cluster_.unit()}));
    } else {
      specs.push_back(program({"pg_ctlcluster", "--skip-systemctl-redirect", cluster_.version,
                               cluster_.name, "start"}));
    }
    auto run = std::make_shared<StarterRun>();
    loop_->spawn(run_starter(loop_, std::move(specs), run));
    co_return Launch{describe(), std::nullopt, std::move(run)};
  }

 private:
  [[nodiscard]] static bool by_systemd() { return systemd_runs() && runtime::running_as_root(); }

  runtime::Loop* loop_;
  DebianCluster cluster_;
  std::unique_ptr<Launcher> direct_;
};

}  // namespace

std::unique_ptr<Launcher> make_debian_launcher(runtime::Loop& loop, DebianCluster cluster,
                                               DirectLaunch direct) {
  return std::make_unique<DebianLauncher>(loop, std::move(cluster),
                                          make_direct_launcher(loop, std::move(direct)));
}

}  // namespace pgkeel::instance
