// A program run to its end: one coroutine reads each output, one waits for the exit and enforces
// the deadline. What a background grandchild writes after the exit is not waited for.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/log.hpp"
#include "runtime/child.hpp"
#include "runtime/process.hpp"
#include "runtime/when_all.hpp"

namespace pgkeel::runtime {
namespace {

using detail::Child;

// Long enough for pg_dump or psql to cancel its query and go.
constexpr Seconds kTermPatience{2};
// A process in an uninterruptible sleep outlives SIGKILL; then it is left behind as a zombie-to-be.
constexpr Seconds kKillPatience{5};

struct Pipe {
  Fd in;   ///< our end, non-blocking
  Fd out;  ///< the child's
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  Pipe pipe{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(pipe.in.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "make a pipe");
  return pipe;
}

// A child and its process group, which its unreaped leader keeps from being reused.
class RunningChild {
 public:
  RunningChild(Child child, ProcessSpec::Session session)
      : child_(std::move(child)), session_(session) {}
  RunningChild(const RunningChild&) = delete;
  RunningChild& operator=(const RunningChild&) = delete;
  // The caller's coroutine was destroyed: nobody is left to wait for the program.
  ~RunningChild() {
    if (reaped_ || session_ == ProcessSpec::Session::New) return;
    signal_group(SIGKILL);
    pollfd entry{.fd = pidfd(), .events = POLLIN, .revents = 0};
    static_cast<void>(::poll(&entry, 1, static_cast<int>(Millis(kKillPatience).count())));
    static_cast<void>(detail::reap_child(pidfd()));
  }

  [[nodiscard]] int pidfd() const { return child_.pidfd.get(); }
  void signal_group(int number) const { ::kill(-child_.pid, number); }
  Result<ExitStatus> reap() {
    reaped_ = true;
    TRY(status, detail::reap_child(pidfd()));
    if (!status) return fail(ErrorCode::ChildFailed, "somebody else took the exit status");
    return *status;
  }

 private:
  Child child_;
  ProcessSpec::Session session_;
  bool reaped_ = false;
};

enum class Drained { Open, Ended };

// At most a megabyte (the largest pipe) at a time, so that a flood leaves the loop to others.
Drained drain(int fd, std::string& text) {
  constexpr int kChunksPerTurn = 16;
  std::array<char, 65536> chunk;  // NOLINT: filled by read
  for (int i = 0; i < kChunksPerTurn; ++i) {
    const auto count = ::read(fd, chunk.data(), chunk.size());
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return Drained::Ended;
    if (count < 0) return Drained::Open;
    const auto room = kCapturedBytesMax - text.size();
    text.append(chunk.data(), std::min(static_cast<std::size_t>(count), room));
  }
  return Drained::Open;
}

// Reads until end-of-file, or until nothing is left once the program has exited.
Task<void> capture(Loop* loop, int fd, std::string* text, std::stop_token exited) {
  while (fd >= 0) {
    const auto readable = co_await loop->wait_readable(fd, kNever, exited);
    const auto drained = drain(fd, *text);
    if (drained == Drained::Ended || !readable) co_return;
  }
}

struct Supervision {
  Result<void> waited;      ///< TimedOut or Cancelled when it was not left to finish
  std::stop_source exited;  ///< told to the readers
  Result<ExitStatus> status = ExitStatus{};
};

Task<void> supervise(Loop* loop, RunningChild* child, SteadyTime deadline, std::stop_token stop,
                     Supervision* supervision) {
  supervision->waited = co_await loop->wait_readable(child->pidfd(), deadline, std::move(stop));
  if (!supervision->waited) {
    child->signal_group(SIGTERM);
    const auto obeyed = co_await loop->wait_readable(child->pidfd(), loop->after(kTermPatience));
    child->signal_group(SIGKILL);  // whoever of the tree is left
    if (!obeyed) {
      const auto killed = co_await loop->wait_readable(child->pidfd(), loop->after(kKillPatience));
      if (!killed) log_warning("a killed program does not end", {{"pidfd", child->pidfd()}});
    }
  }
  supervision->status = child->reap();
  supervision->exited.request_stop();
}

Error interrupted(const Error& error, const ProcessSpec& spec) {
  const auto& name = spec.argv.front();
  if (error.code == ErrorCode::TimedOut)
    return {error.code, name + " did not end in time and was killed"};
  return {error.code, name + " was stopped"};
}

}  // namespace

Task<Result<ProcessOutput>> run_process(Loop& loop, ProcessSpec spec, SteadyTime deadline,
                                        std::stop_token stop) {
  CO_TRY(in, detail::open_input(spec));
  Pipe out;
  Pipe err;
  const bool captured = spec.output_file.empty();
  for (auto* pipe : {&out, &err}) {
    if (captured) {
      CO_TRY(made, make_pipe());
      *pipe = std::move(made);
    } else {
      CO_TRY(file, detail::open_output(spec));
      pipe->out = std::move(file);
    }
  }
  detail::ChildStreams streams{std::move(in), std::move(out.out), std::move(err.out)};
  CO_TRY(started, detail::start_child(spec, std::move(streams), detail::Group::Own));
  RunningChild child(std::move(started), spec.session);

  ProcessOutput output;
  Supervision supervision;
  std::vector<Task<void>> parts;
  const auto exited = supervision.exited.get_token();
  parts.push_back(capture(&loop, out.in.get(), &output.out, exited));
  parts.push_back(capture(&loop, err.in.get(), &output.err, exited));
  parts.push_back(supervise(&loop, &child, deadline, std::move(stop), &supervision));
  co_await when_all(std::move(parts));
  if (!supervision.waited) co_return fail(interrupted(supervision.waited.error(), spec));
  if (!supervision.status) co_return fail(supervision.status.error());
  output.exit = *supervision.status;
  co_return output;
}

}  // namespace pgkeel::runtime
