// See relay.hpp.
#include "archive/programs/relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "archive/programs/pipes.hpp"
#include "base/time.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;
using runtime::Fd;

constexpr std::size_t kBlockBytes = 64U << 10U;  // what a pipe holds
constexpr Millis kLookEvery{500};                // whether the starter and the container are there
constexpr int kOrderTries = 500;                 // a full pipe empties within milliseconds
constexpr Millis kOrderPause{10};
constexpr std::size_t kDoneBytesMax = 64;

bool would_wait(int error) { return error == EAGAIN || error == EINTR; }

Error container_ended() {
  return Error(ErrorCode::ChildFailed, "the container that ran it has ended")
      .with_hint("Look at the engine's log; then run the command again.");
}

// In single quotes, in which a shell reads nothing but their end.
std::string shell_words(const std::vector<std::string>& words) {
  std::string line = "set --";
  for (const auto& word : words) {
    line += " '";
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line + "\n";
}

/// The directory of one run, removed with it.
class RunDirectory {
 public:
  static Result<RunDirectory> make(const fs::path& work_dir) {
    struct stat owner{};
    if (::stat(work_dir.c_str(), &owner) != 0)
      return fail(ErrorCode::WrongState, "no programs in an image work in " + work_dir.string());
    RunDirectory run(work_dir / fmt::format("run-{}", ::getpid()));
    std::error_code error;
    fs::remove_all(run.path_, error);  // of a process that had our number and was killed
    if (::mkdir(run.path_.c_str(), 0700) != 0)
      return fail_errno(errno, "make " + run.path_.string());
    if (owner.st_uid != ::geteuid() && ::chown(run.path_.c_str(), owner.st_uid, owner.st_gid) != 0)
      return fail_errno(errno, "give " + run.path_.string() + " to its owner");
    for (const auto* name : {kHeldPipe, kInPipe, kOutPipe, kErrPipe, kDonePipe})
      TRY_VOID(make_pipe_in(run.path_, name, owner));
    run.account_.uid = owner.st_uid;
    run.account_.gid = owner.st_gid;
    return run;
  }
  RunDirectory(RunDirectory&& other) noexcept
      : path_(std::exchange(other.path_, {})), account_(std::move(other.account_)) {}
  RunDirectory& operator=(RunDirectory&&) = delete;
  ~RunDirectory() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }

  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] Result<Fd> open(const char* pipe, int flags) const {
    Fd opened(::open((path_ / pipe).c_str(), flags | O_CLOEXEC));
    if (!opened.valid()) return fail_errno(errno, "open " + (path_ / pipe).string());
    return opened;
  }
  [[nodiscard]] Result<void> write_words(const std::vector<std::string>& words) const {
    runtime::FileMode mode{.mode = 0600, .owner = {}};
    if (account_.uid != ::geteuid()) mode.owner = account_;
    return runtime::write_file_atomic(path_ / kWordsFile, shell_words(words), mode);
  }

 private:
  explicit RunDirectory(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
  runtime::Account account_;
};

class Relay {
 public:
  Relay(const fs::path& work_dir, RunDirectory run)
      : orders_(work_dir / kOrdersPipe), run_(std::move(run)), starter_(::getppid()) {}
  Result<int> run(const std::vector<std::string>& words);

 private:
  Result<void> open_pipes();
  Result<void> hand_over_password();
  Result<void> give_order() const;
  [[nodiscard]] bool container_reads() const;
  Result<void> look_around() const;
  Result<void> wait();
  Result<void> take_input();
  Result<void> feed();
  Result<void> note_done();
  Result<void> pass_on(Fd& from, int to);
  Result<void> begin_to_feed();
  [[nodiscard]] Result<int> exit_code() const;

  fs::path orders_;
  RunDirectory run_;
  pid_t starter_;
  Fd held_;
  Fd in_;
  Fd out_;
  Fd err_;
  Fd done_;
  std::string said_;  ///< through the done pipe
  bool begun_ = false;
  bool input_ended_ = false;
  std::string pending_;  ///< read from our input, not yet written
  std::array<pollfd, 5> polled_{};
};

// Without a writer so far these are silent, not at their end: poll tells the two apart, read does
// not.
Result<void> Relay::open_pipes() {
  TRY(held, run_.open(kHeldPipe, O_RDWR));
  TRY(in, run_.open(kInPipe, O_RDWR));
  TRY(out, run_.open(kOutPipe, O_RDONLY | O_NONBLOCK));
  TRY(err, run_.open(kErrPipe, O_RDONLY | O_NONBLOCK));
  TRY(done, run_.open(kDonePipe, O_RDONLY | O_NONBLOCK));
  held_ = std::move(held);
  in_ = std::move(in);
  out_ = std::move(out);
  err_ = std::move(err);
  done_ = std::move(done);
  return {};
}

Result<void> Relay::hand_over_password() {
  const char* password = std::getenv("PGPASSWORD");
  std::string line = password == nullptr ? "" : password;
  if (line.contains('\n') || line.size() > 1000)
    return fail(ErrorCode::NotSupported,
                "a password of more than one line, or of more than 1000 "
                "bytes, cannot be handed to a program in an image");
  line += '\n';
  if (::write(held_.get(), line.data(), line.size()) < 0)
    return fail_errno(errno, "hand over the password");
  return {};
}

bool Relay::container_reads() const {
  const Fd orders(::open(orders_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  return orders.valid();
}

Result<void> Relay::give_order() const {
  const Fd orders(::open(orders_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!orders.valid()) return fail(container_ended());
  const auto line = run_.path().filename().string() + "\n";
  for (int attempt = 0; attempt < kOrderTries; ++attempt) {
    if (::write(orders.get(), line.data(), line.size()) >= 0) return {};
    if (!would_wait(errno)) return fail(container_ended());
    std::this_thread::sleep_for(kOrderPause);
  }
  return fail(ErrorCode::TimedOut, "the container takes no orders");
}

Result<void> Relay::look_around() const {
  if (::getppid() != starter_) return fail(ErrorCode::Cancelled, "whoever wanted it is gone");
  if (!begun_ && !container_reads()) return fail(container_ended());
  return {};
}

// Only now does the program hold its end: what we close is its end of input, not a lost one.
Result<void> Relay::begin_to_feed() {
  begun_ = true;
  TRY(in, run_.open(kInPipe, O_WRONLY | O_NONBLOCK));
  in_ = std::move(in);
  return {};
}

Result<void> Relay::note_done() {
  std::array<char, kDoneBytesMax> chunk{};
  const auto count = ::read(done_.get(), chunk.data(), chunk.size());
  if (count < 0 && would_wait(errno)) return {};
  if (count <= 0) {
    done_.reset();
    return {};
  }
  if (said_.size() < kDoneBytesMax) said_.append(chunk.data(), static_cast<std::size_t>(count));
  if (!begun_ && said_.starts_with("begun\n")) return begin_to_feed();
  return {};
}

Result<void> Relay::pass_on(Fd& from, int to) {
  std::array<char, kBlockBytes> block;  // NOLINT: filled by read
  const auto count = ::read(from.get(), block.data(), block.size());
  if (count < 0 && would_wait(errno)) return {};
  if (count <= 0) {
    from.reset();
    return {};
  }
  std::string_view rest(block.data(), static_cast<std::size_t>(count));
  while (!rest.empty()) {
    const auto written = ::write(to, rest.data(), rest.size());
    if (written >= 0) rest.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR) return fail_errno(errno, "pass on what a program wrote");
  }
  return {};
}

Result<void> Relay::take_input() {
  std::array<char, kBlockBytes> block;  // NOLINT: filled by read
  const auto count = ::read(STDIN_FILENO, block.data(), block.size());
  if (count < 0 && would_wait(errno)) return {};
  if (count < 0) return fail_errno(errno, "read what a program is to be given");
  if (count > 0) pending_.assign(block.data(), static_cast<std::size_t>(count));
  else input_ended_ = true;
  return {};
}

// A program that reads no more refuses the rest, as it would without us in between.
Result<void> Relay::feed() {
  const auto count = ::write(in_.get(), pending_.data(), pending_.size());
  if (count >= 0) {
    pending_.erase(0, static_cast<std::size_t>(count));
    return {};
  }
  if (would_wait(errno)) return {};
  if (errno != EPIPE) return fail_errno(errno, "give a program its input");
  pending_.clear();
  input_ended_ = true;
  ::close(STDIN_FILENO);
  return {};
}

Result<void> Relay::wait() {
  const bool wants_input = begun_ && pending_.empty() && !input_ended_;
  polled_ = {{{.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
              {.fd = pending_.empty() ? -1 : in_.get(), .events = POLLOUT, .revents = 0},
              {.fd = out_.get(), .events = POLLIN, .revents = 0},
              {.fd = err_.get(), .events = POLLIN, .revents = 0},
              {.fd = done_.get(), .events = POLLIN, .revents = 0}}};
  static_cast<void>(::poll(polled_.data(), polled_.size(), static_cast<int>(kLookEvery.count())));
  if (polled_[0].revents != 0) TRY_VOID(take_input());
  if (polled_[1].revents != 0) TRY_VOID(feed());
  if (polled_[2].revents != 0) TRY_VOID(pass_on(out_, STDOUT_FILENO));
  if (polled_[3].revents != 0) TRY_VOID(pass_on(err_, STDERR_FILENO));
  if (polled_[4].revents != 0) TRY_VOID(note_done());
  if (begun_ && input_ended_ && pending_.empty()) in_.reset();
  return look_around();
}

Result<int> Relay::exit_code() const {
  constexpr std::string_view kBegun = "begun\n";
  int code = 0;
  if (!said_.starts_with(kBegun) || !said_.ends_with('\n')) return fail(container_ended());
  const auto* end = said_.data() + said_.size() - 1;
  const auto read = std::from_chars(said_.data() + kBegun.size(), end, code);
  if (read.ec != std::errc{} || read.ptr != end) return fail(container_ended());
  return code;
}

Result<int> Relay::run(const std::vector<std::string>& words) {
  ::signal(SIGPIPE, SIG_IGN);  // NOLINT: an answer is wanted instead
  TRY_VOID(open_pipes());
  TRY_VOID(hand_over_password());
  TRY_VOID(run_.write_words(words));
  TRY_VOID(give_order());
  while (out_.valid() || err_.valid() || done_.valid()) TRY_VOID(wait());
  return exit_code();
}

}  // namespace

Result<int> relay_program(const fs::path& work_dir, const std::vector<std::string>& words) {
  TRY(run, RunDirectory::make(work_dir));
  return Relay(work_dir, std::move(run)).run(words);
}

}  // namespace pgkeel::archive
