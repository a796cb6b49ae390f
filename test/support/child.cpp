// See child.hpp. Between fork and exec only async-signal-safe calls are made, since tests have
// threads.
#include "support/child.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace pgkeel::test {
namespace {

constexpr int kExecFailed = 127;

void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
}

// The kernel signals when the starting thread ends, not the process, so only the main one is tied.
enum class Tie { ToParent, None };

[[noreturn]] void become(char* const* argv, int output_fd, const ServerAccount& account, Tie tie) {
  if (::getuid() == 0) {
    const gid_t group = account.gid;
    if (::setgroups(1, &group) != 0 || ::setgid(account.gid) != 0 || ::setuid(account.uid) != 0)
      ::_exit(kExecFailed);
  }
  ::setsid();
  if (tie == Tie::ToParent) ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  reset_signals();
  const int null_fd = ::open("/dev/null", O_RDONLY);
  ::dup2(null_fd, 0);
  ::dup2(output_fd, 1);
  ::dup2(output_fd, 2);
  static_cast<void>(::close_range(3, ~0U, 0));
  static_cast<void>(::chdir("/"));
  ::execv(argv[0], argv);
  ::_exit(kExecFailed);
}

// The directory it is in may be gone when somebody reads of the failure.
std::string end_of(const std::filesystem::path& file) {
  constexpr std::streamoff kBytes = 2000;
  std::ifstream in(file, std::ios::ate);
  const auto size = static_cast<std::streamoff>(in.tellg());
  in.seekg(std::max<std::streamoff>(0, size - kBytes));
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

ServerAccount server_account() {
  const passwd* entry = ::getuid() == 0 ? ::getpwnam("postgres") : ::getpwuid(::getuid());
  if (entry == nullptr) throw std::runtime_error("no account to run PostgreSQL as");
  return {entry->pw_uid, entry->pw_gid, entry->pw_dir};
}

void give_to_server(const std::filesystem::path& path) {
  if (::getuid() != 0) return;
  const ServerAccount account = server_account();
  if (::lchown(path.c_str(), account.uid, account.gid) != 0)
    throw std::runtime_error("chown " + path.string());
}

pid_t start_child(const std::vector<std::string>& argv, const std::filesystem::path& output) {
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const ServerAccount account = server_account();
  const int output_fd = ::open(output.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0644);
  if (output_fd < 0) throw std::runtime_error("open " + output.string());
  const Tie tie = ::gettid() == ::getpid() ? Tie::ToParent : Tie::None;
  const pid_t pid = ::fork();
  if (pid == 0) become(words.data(), output_fd, account, tie);
  ::close(output_fd);
  if (pid < 0) throw std::runtime_error("fork failed");
  return pid;
}

void run_child(const std::vector<std::string>& argv, const std::filesystem::path& output) {
  const pid_t pid = start_child(argv, output);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw std::runtime_error(argv.front() + " failed, see " + output.string() + ":\n" +
                           end_of(output));
}

}  // namespace pgkeel::test
