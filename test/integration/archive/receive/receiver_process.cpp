// See receiver_process.hpp.
#include "integration/archive/receive/receiver_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

[[noreturn]] void run(archive::ReceiveRequest request, const std::string& crash_at) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto log = request.state_dir / "receive.log";
  const int output = ::open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0644);
  ::dup2(output, STDERR_FILENO);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  request.wake_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);
  if (!crash_at.empty()) {
    ::setenv("PGKEEL_CRASH_AT", crash_at.c_str(), 1);
    ::setenv("PGKEEL_CRASH_MARK", (log.string() + "." + crash_at).c_str(), 1);
  }
  ::_exit(archive::receive(request) ? 0 : 1);
}

}  // namespace

ReceiverProcess::~ReceiverProcess() { kill9(); }

void ReceiverProcess::start(const std::string& crash_at) {
  pid_ = ::fork();
  if (pid_ == 0) run(request_, crash_at);
  if (pid_ < 0) throw std::runtime_error("fork failed");
}

int ReceiverProcess::wait_for_end() {
  int status = -1;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return status;
}

void ReceiverProcess::kill9() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  wait_for_end();
}

bool ReceiverProcess::stop() {
  ::kill(pid_, SIGTERM);
  const int status = wait_for_end();
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool ReceiverProcess::alive() {
  if (pid_ == 0) return false;
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

bool ReceiverProcess::await_failure() {
  if (!wait_until([this] { return !alive(); })) return false;
  const int status = wait_for_end();
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

bool ReceiverProcess::await_death() {
  if (!wait_until([this] { return !alive(); })) return false;
  const int status = wait_for_end();
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

std::optional<archive::ReceiveStatus> ReceiverProcess::status() const {
  auto status = archive::read_receive_status(request_.status_file());
  return status ? std::optional(*std::move(status)) : std::nullopt;
}

bool ReceiverProcess::await(const std::function<bool(const archive::ReceiveStatus&)>& fits) const {
  return wait_until([&] {
    const auto now = status();
    return now && now->pid == pid_ && fits(*now);
  });
}

bool ReceiverProcess::await_flushed(Lsn lsn) const {
  return await([lsn](const auto& status) { return status.flushed_lsn >= lsn; });
}

std::uint64_t ReceiverProcess::peak_rss_bytes() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  for (std::string word; file >> word;) {
    if (word != "VmHWM:") continue;
    std::uint64_t kilobytes = 0;
    file >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

}  // namespace pgkeel::test
