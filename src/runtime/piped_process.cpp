// Streams to a program are sockets, which can refuse without SIGPIPE. While the caller waits for
// the stream, the program's other outputs are emptied, so that it never stands still behind them.
#include "runtime/piped_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "runtime/child.hpp"

namespace pgkeel::runtime {
namespace {

constexpr Millis kLookEvery{200};  // whether we are told to stop
constexpr Millis kKillPatience{5'000};

struct Ends {
  Fd ours;
  Fd theirs;
};

Result<Ends> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  Ends made{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(made.ours.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "make a pipe");
  return made;
}

Result<Ends> make_socket() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno(errno, "make a pair of sockets");
  Ends made{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(made.ours.get(), F_SETFL, O_NONBLOCK) != 0)
    return fail_errno(errno, "make a pair of sockets");
  return made;
}

bool would_wait(int error) { return error == EAGAIN || error == EINTR; }

}  // namespace

PipedProcess::PipedProcess(pid_t pid, Fd pidfd, Fd stream, Fd out, Fd err, std::stop_token stop)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      stream_(std::move(stream)),
      out_(std::move(out)),
      err_(std::move(err)),
      stop_(std::move(stop)) {}

PipedProcess::PipedProcess(PipedProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      stream_(std::move(other.stream_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)),
      stop_(std::move(other.stop_)),
      output_(std::move(other.output_)) {}

PipedProcess::~PipedProcess() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);  // unreaped: the group's number cannot mean another
  pollfd entry{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  static_cast<void>(::poll(&entry, 1, static_cast<int>(kKillPatience.count())));
  static_cast<void>(detail::reap_child(pidfd_.get()));
}

Result<PipedProcess> PipedProcess::start(const ProcessSpec& spec, Stream stream,
                                         std::stop_token stop) {
  const bool from = stream == Stream::FromProgram;
  TRY(out, make_pipe());
  TRY(err, make_pipe());
  Ends in;
  if (from) {
    TRY(nothing, detail::open_input(ProcessSpec{}));
    in.theirs = std::move(nothing);
  } else {
    TRY(made, make_socket());
    in = std::move(made);
  }
  detail::ChildStreams streams{std::move(in.theirs), std::move(out.theirs), std::move(err.theirs)};
  TRY(child, detail::start_child(spec, std::move(streams), detail::Group::Own));
  return PipedProcess(child.pid, std::move(child.pidfd), std::move(from ? out.ours : in.ours),
                      from ? Fd() : std::move(out.ours), std::move(err.ours), std::move(stop));
}

// Reads what is there; at the end closes it.
void PipedProcess::drain(Fd& fd, std::string& text) {
  std::array<char, 65536> chunk;  // NOLINT: filled by read
  while (fd.valid()) {
    const auto count = ::read(fd.get(), chunk.data(), chunk.size());
    if (count < 0 && would_wait(errno)) return;
    if (count <= 0) return fd.reset();
    text.append(chunk.data(),
                std::min(static_cast<std::size_t>(count), kPipedWordsMax - text.size()));
  }
}

// Until the stream is ready for `stream_events`, or the program has ended when none are asked for.
Result<void> PipedProcess::await(short stream_events, SteadyTime until) {
  while (true) {
    if (stop_.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    if (SteadyClock::now() >= until)
      return fail(ErrorCode::TimedOut, "a program stood still for too long");
    std::array<pollfd, 4> entries{{{.fd = stream_.get(), .events = stream_events, .revents = 0},
                                   {.fd = out_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = err_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = pidfd_.get(), .events = POLLIN, .revents = 0}}};
    const bool for_stream = stream_events != 0;
    const auto count = for_stream ? entries.size() - 1 : entries.size();
    static_cast<void>(::poll(entries.data(), count, static_cast<int>(kLookEvery.count())));
    drain(out_, output_.out);
    drain(err_, output_.err);
    if (entries[for_stream ? 0 : 3].revents != 0) return {};
  }
}

Result<std::size_t> PipedProcess::read(std::span<std::byte> into, Millis limit) {
  const auto until = SteadyClock::now() + limit;
  while (true) {
    TRY_VOID(await(POLLIN, until));
    const auto count = ::read(stream_.get(), into.data(), into.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (!would_wait(errno)) return fail_errno(errno, "read from a program");
  }
}

Result<PipedProcess::Taken> PipedProcess::write(ByteSpan bytes, Millis limit) {
  while (!bytes.empty()) {
    TRY_VOID(await(POLLOUT, SteadyClock::now() + limit));
    const auto count = ::send(stream_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
    else if (errno == EPIPE || errno == ECONNRESET) return Taken::Refused;
    else if (!would_wait(errno)) return fail_errno(errno, "write to a program");
  }
  return Taken::All;
}

Result<ProcessOutput> PipedProcess::finish(Millis limit) {
  stream_.reset();
  TRY_VOID(await(0, SteadyClock::now() + limit));
  drain(out_, output_.out);
  drain(err_, output_.err);
  TRY(status, detail::reap_child(pidfd_.get()));
  pid_ = -1;
  if (!status) return fail(ErrorCode::ChildFailed, "somebody else took the exit status");
  output_.exit = *status;
  return std::move(output_);
}

}  // namespace pgkeel::runtime
