// fork and exec by hand: the runtime room is not what is tested here.
#include "writer_process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace pgkeel::incident {

WriterProcess::WriterProcess(const std::filesystem::path& state_dir, const std::string& crash_at,
                             const std::string& mode) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    if (!crash_at.empty()) ::setenv("PGKEEL_CRASH_AT", crash_at.c_str(), 1);
    ::execl(INCIDENT_WRITER, INCIDENT_WRITER, state_dir.c_str(),
            mode.empty() ? nullptr : mode.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

WriterProcess::~WriterProcess() {
  std::vector<std::string> ignored;
  kill();
  wait(ignored);
}

std::optional<std::string> WriterProcess::next_line() {
  while (true) {
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      auto line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    char bytes[4096];
    const auto count = pipe_ < 0 ? 0 : ::read(pipe_, bytes, sizeof bytes);
    if (count <= 0) return std::nullopt;
    buffer_.append(bytes, static_cast<std::size_t>(count));
  }
}

void WriterProcess::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

int WriterProcess::wait(std::vector<std::string>& lines) {
  while (auto line = next_line()) lines.push_back(std::move(*line));
  if (pipe_ >= 0) ::close(pipe_);
  pipe_ = -1;
  int status = 0;
  if (pid_ > 0 && ::waitpid(pid_, &status, 0) != pid_) throw std::runtime_error("waitpid");
  pid_ = -1;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace pgkeel::incident
