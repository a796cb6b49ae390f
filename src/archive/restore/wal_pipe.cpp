// See wal_pipe.hpp.
#include "archive/restore/wal_pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "archive/restore/wal_server.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScript = "wal-fetch.sh";
constexpr const char* kAsked = "wal-asked";
constexpr const char* kAnswers = "wal-answers";
constexpr std::size_t kNameBytesMax = 256;

// A server takes 1 for the end of the WAL, and more than 125 for a reason not to go on.
constexpr std::string_view kFetch = R"sh(#!/bin/sh
# Made by pgkeel: restore_command of a server in a container. usage: wal-fetch.sh %f %p
here=${0%/*}
echo "$1" >"$here/wal-asked" || exit 255
while read -r name what file; do
  [ "$name" = "$1" ] && break
done <"$here/wal-answers"
case $what in
  file) mv "$file" "$2" || exit 255 ;;
  none) exit 1 ;;
  *) exit 255 ;;
esac
)sh";

// Open for both, so that neither side ever waits for the other to open it.
Result<runtime::Fd> make_pipe(const fs::path& path, const std::optional<runtime::Account>& owner) {
  std::error_code error;
  fs::remove(path, error);
  if (::mkfifo(path.c_str(), 0600) != 0) return fail_errno(errno, "make " + path.string());
  if (owner && ::chown(path.c_str(), owner->uid, owner->gid) != 0)
    return fail_errno(errno, "give " + path.string() + " to " + owner->name);
  runtime::Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "open " + path.string());
  return fd;
}

}  // namespace

Result<std::unique_ptr<WalPipe>> WalPipe::start(const fs::path& directory, const fs::path& socket,
                                                const std::optional<runtime::Account>& owner) {
  std::unique_ptr<WalPipe> pipe(new WalPipe(directory, socket));
  TRY_VOID(pipe->set_up(owner));
  auto* self = pipe.get();
  pipe->thread_ = std::jthread([self](const std::stop_token& stop) { self->serve(stop); });
  return pipe;
}

WalPipe::~WalPipe() {
  thread_.request_stop();
  if (wake_.valid()) ::eventfd_write(wake_.get(), 1);
}

Result<void> WalPipe::set_up(const std::optional<runtime::Account>& owner) {
  wake_ = runtime::Fd(::eventfd(0, EFD_CLOEXEC));
  if (!wake_.valid()) return fail_errno(errno, "make an event");
  TRY(asked, make_pipe(directory_ / kAsked, owner));
  asked_ = std::move(asked);
  TRY(answers, make_pipe(directory_ / kAnswers, owner));
  answers_ = std::move(answers);
  return runtime::write_file_atomic(directory_ / kScript, kFetch, {.mode = 0600, .owner = owner});
}

std::string WalPipe::restore_command() const {
  return fmt::format("/bin/sh '{}' %f '%p'", (directory_ / kScript).string());
}

void WalPipe::serve(const std::stop_token& stop) {
  std::string pending;
  std::array<char, kNameBytesMax> buffer{};
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> polled{{{asked_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), -1) < 0 || polled[0].revents == 0) continue;
    const auto got = ::read(asked_.get(), buffer.data(), buffer.size());
    if (got <= 0) continue;
    pending.append(buffer.data(), static_cast<std::size_t>(got));
    const auto end = pending.rfind('\n');
    if (end == std::string::npos && pending.size() < kNameBytesMax) continue;
    // Only the last one asked for: whoever asked before is gone.
    const auto line = pending.substr(0, end);
    pending.clear();
    answer(line.substr(line.rfind('\n') + 1));
  }
}

void WalPipe::answer(const std::string& name) {
  const auto said = ask_wal_server(socket_, name);
  const auto line = fmt::format("{} {}\n", name, said ? *said : "error " + said.error().message());
  static_cast<void>(
      ::write(answers_.get(), line.data(), std::min<std::size_t>(line.size(), PIPE_BUF)));
}

}  // namespace pgkeel::archive
