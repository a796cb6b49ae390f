// See init.hpp; orphans and signals of a PID 1 are described in pid_namespaces(7).
#include "runtime/init.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "base/log.hpp"

namespace pgkeel::runtime {
namespace {

constexpr Millis kPauseMin{1'000};
constexpr Millis kPauseMax{30'000};     // a program that cannot live must not eat the machine
constexpr Millis kPauseInStop{100};     // the grace is short
constexpr Millis kLastingLife{60'000};  // a crash after this long is not one in a row
constexpr Millis kLookEvery{60'000};    // nothing to do but wait for signals
constexpr int kDoublingsMax = 5;

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD}) sigaddset(&set, number);
  return set;
}

bool stops(int signal) { return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT; }

timespec as_timespec(Millis wait) {
  constexpr std::int64_t kMillisPerSecond = 1000;
  constexpr std::int64_t kNanosPerMilli = 1'000'000;
  const auto count = std::max<std::int64_t>(wait.count(), 0);
  return {.tv_sec = count / kMillisPerSecond,
          .tv_nsec = (count % kMillisPerSecond) * kNanosPerMilli};
}

class Init {
 public:
  explicit Init(const InitOptions& options) : options_(options) {}

  Result<InitFork> run() {
    if (::getpid() != 1 && ::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
      return fail_errno(errno, "adopt orphans");
    const auto set = handled_signals();
    if (const int err = pthread_sigmask(SIG_BLOCK, &set, nullptr); err != 0)
      return fail_errno(err, "block signals");
    ::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would make exit statuses vanish
    while (true) {
      if (program_ == 0 && SteadyClock::now() >= start_at_) {
        TRY_VOID(start());
        if (program_ == 0) return InitFork{.exit_code = std::nullopt, .life = life_};
      }
      wait_for_signal(set);
      if (const auto code = reap()) return InitFork{.exit_code = *code, .life = life_};
      if (stop_until_ && SteadyClock::now() >= *stop_until_) return give_up();
    }
  }

 private:
  // In the child program_ stays 0.
  Result<void> start() {
    const pid_t init = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return fail_errno(errno, "fork");
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      if (::getppid() != init) ::_exit(1);  // it died before the line above
      return {};
    }
    program_ = pid;
    started_at_ = SteadyClock::now();
    if (stop_until_) ::kill(program_, SIGTERM);  // waits, blocked, until the program looks
    return {};
  }

  void wait_for_signal(const sigset_t& set) {
    auto until = SteadyClock::now() + kLookEvery;
    if (program_ == 0) until = std::min(until, start_at_);
    if (stop_until_) until = std::min(until, *stop_until_);
    const auto wait = as_timespec(std::chrono::ceil<Millis>(until - SteadyClock::now()));
    const int signal = ::sigtimedwait(&set, nullptr, &wait);
    if (signal == SIGHUP && program_ != 0) ::kill(program_, SIGHUP);
    if (stops(signal)) begin_stop(signal);
  }

  void begin_stop(int signal) {
    if (stop_until_) {
      log_info("already stopping", {{"signal", signal}});
      return;
    }
    stop_until_ = SteadyClock::now() + options_.grace;
    if (program_ != 0) ::kill(program_, SIGTERM);
    else start_at_ = SteadyClock::now();  // only the program knows how to stop what it has started
  }

  // Every child that has ended, ours or adopted; the exit code when the program's end is ours.
  std::optional<int> reap() {
    while (true) {
      siginfo_t info{};
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
        return std::nullopt;
      if (info.si_pid != program_) continue;
      program_ = 0;
      ExitStatus ended;
      (info.si_code == CLD_EXITED ? ended.code : ended.signal) = info.si_status;
      if (const auto code = after_program(ended)) return code;
    }
  }

  std::optional<int> after_program(const ExitStatus& ended) {
    const auto now = SteadyClock::now();
    crashes_ = now - started_at_ >= kLastingLife ? 1 : crashes_ + 1;
    const auto next = after_end(ended, crashes_, life_, stop_until_.has_value());
    if (next.exit_code) return next.exit_code;
    ++life_;
    start_at_ = now + next.pause;
    log_error("guard ended; what it had started lives on, and another one is started",
              {{"how", ended.describe()}, {"in_ms", next.pause.count()}});
    return std::nullopt;
  }

  Result<InitFork> give_up() {
    if (program_ != 0) ::kill(program_, SIGKILL);
    return fail(Error(ErrorCode::TimedOut,
                      fmt::format("no clean stop within {}", humane_duration(options_.grace)))
                    .with_hint("PostgreSQL recovers by itself at the next start; nothing that was "
                               "committed is lost."));
  }

  InitOptions options_;
  pid_t program_ = 0;  // 0: none runs
  int life_ = 0;
  int crashes_ = 0;
  SteadyTime start_at_ = SteadyTime::min();
  SteadyTime started_at_;
  std::optional<SteadyTime> stop_until_;
};

}  // namespace

NextLife after_end(const ExitStatus& ended, int crashes, int life, bool stopping) {
  const bool by_itself = ended.signal == 0;
  if (by_itself && (ended.code == 0 || life == 0 || stopping)) return {ended.code, Millis(0)};
  if (stopping) return {std::nullopt, kPauseInStop};
  const int doublings = std::clamp(crashes - 1, 0, kDoublingsMax);
  return {std::nullopt, std::min(kPauseMin * (1 << doublings), kPauseMax)};
}

Result<InitFork> become_init(const InitOptions& options) {
  Init init(options);
  return init.run();
}

}  // namespace pgkeel::runtime
