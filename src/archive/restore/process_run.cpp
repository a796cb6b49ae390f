// A copy's server as a child of ours. See server_run.hpp.
#include <csignal>

#include "archive/restore/server_run.hpp"
#include "instance/server_command.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"

namespace pgkeel::archive {
namespace {

constexpr Seconds kKillPatience{20};

class ProcessRun final : public ServerRun {
 public:
  explicit ProcessRun(runtime::ProcessHandle process) : process_(std::move(process)) {}
  // Also one that was killed is waited for: as a zombie it would still own its socket's lock file.
  ~ProcessRun() override {
    if (!process_) return;
    if (alive()) static_cast<void>(process_->signal(SIGQUIT));
    if (await_end()) return;
    static_cast<void>(process_->signal(SIGKILL));
    static_cast<void>(await_end());
  }
  ProcessRun(const ProcessRun&) = delete;
  ProcessRun& operator=(const ProcessRun&) = delete;

  bool alive() override { return process_ && process_->alive(); }

  Result<bool> stop(Seconds patience) override {
    if (!process_) return true;
    TRY_VOID(process_->signal(SIGINT));
    const auto gone = loop_.run_until_complete(process_->wait_exit(loop_, loop_.after(patience)));
    if (!gone) return fail(gone.error());
    process_.reset();
    return !*gone || (**gone).ok();
  }

 private:
  bool await_end() {
    const auto deadline = loop_.after(kKillPatience);
    return loop_.run_until_complete(process_->wait_exit(loop_, deadline)).has_value();
  }

  runtime::Loop loop_;
  std::optional<runtime::ProcessHandle> process_;
};

}  // namespace

Result<std::unique_ptr<ServerRun>> run_as_process(const std::filesystem::path& bin_dir,
                                                  const ServerRunPlan& plan) {
  const auto environment =
      instance::server_environment(instance::ambient_environment(), std::nullopt);
  runtime::ProcessSpec spec;
  spec.argv = {(bin_dir / "postgres").string()};
  spec.argv.insert(spec.argv.end(), plan.arguments.begin(), plan.arguments.end());
  spec.environment = environment.set;
  spec.environment_removed = environment.remove;
  spec.run_as = plan.account;
  spec.working_dir = plan.data_dir;
  spec.output_file = plan.log_file();
  // It ends with us, even when we are killed.
  spec.session = runtime::ProcessSpec::Session::Inherit;
  TRY(process, runtime::start_process(spec));
  return std::make_unique<ProcessRun>(std::move(process));
}

}  // namespace pgkeel::archive
