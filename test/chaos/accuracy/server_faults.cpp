// Faults of processes: the server's, another's in its way, the guard's own. The moment is taken
// before the blow, so that nothing of it counts for the guard.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "chaos/accuracy/injector.hpp"
#include "chaos/accuracy/memory_group.hpp"
#include "runtime/fd.hpp"
#include "runtime/process.hpp"
#include "support/child.hpp"
#include "support/proc_scan.hpp"

namespace pgkeel::chaos {
namespace {

constexpr Millis kLoginTimeout{2'000};  // sense.timeout, as it is by default

// A child of ours that ends with the trial.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

constexpr int kFirst = 1000;
// To spare one large session its score would have to be lowered, which not every root may: with so
// many each stays smaller than the main process counts with its score.
constexpr int kHogs = 6;

void set_oom_score(const std::string& pid, int score) {
  std::ofstream("/proc/" + pid + "/oom_score_adj") << score << std::flush;
}

std::shared_ptr<runtime::Fd> listen_on(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto fd = std::make_shared<runtime::Fd>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(fd->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd->get(), 1) != 0)
    throw std::runtime_error("the server's port could not be taken");
  return fd;
}

}  // namespace

SteadyTime kill_server(Site& site) {
  const auto now = SteadyClock::now();
  site.kill_postmaster();
  return now;
}

SteadyTime hang_server(Site& site) {
  const auto now = SteadyClock::now();
  ::kill(site.server().pid(), SIGSTOP);
  return now + kLoginTimeout;
}

SteadyTime reuse_pid(Site& site) {
  auto& server = site.server();
  const auto other = std::make_shared<Child>(
      test::start_child({"/bin/sleep", "600"}, site.dir() / "bystander.log"));
  site.keep(other);
  const auto lock = server.data_dir() / "postmaster.pid";
  std::ostringstream text;
  text << std::ifstream(lock).rdbuf();
  const auto rest = text.str().substr(text.str().find('\n'));
  std::ofstream(lock) << other->pid() << rest << std::flush;
  const auto now = SteadyClock::now();
  site.kill_postmaster();
  return now;
}

// Whatever starts servers here tries to, and the server says why it cannot.
SteadyTime take_port(Site& site) {
  auto& server = site.server();
  site.kill_postmaster();
  server.await_processes_gone();
  site.keep(listen_on(server.port()));
  const auto now = SteadyClock::now();
  const auto started = test::start_child(
      {(server.bin_dir() / "postgres").string(), "-D", server.data_dir().string()},
      server.log_file());
  ::waitpid(started, nullptr, 0);
  return now;
}

// The main process is made the kernel's choice; a session asks for more than there is.
SteadyTime run_out_of_memory(Site& site) {
  constexpr std::uint64_t kLimit = 96ULL << 20U;
  auto& server = site.server();
  const auto group = std::make_shared<MemoryGroup>(kLimit);
  site.keep(group);
  const auto handle = runtime::ProcessHandle::open(server.pid());
  if (!handle) throw std::runtime_error(handle.error().message());
  std::vector<std::shared_ptr<Session>> hogs;
  for (int i = 0; i < kHogs; ++i) hogs.push_back(std::make_shared<Session>(site.session()));
  for (const auto& hog : hogs) site.keep(hog);
  set_oom_score(std::to_string(handle->pid()), kFirst);  // what it forks from now on has it too
  group->take_in(test::pids_in(server.data_dir()));
  for (const auto& hog : hogs)
    hog->send(
        "do $$ begin perform array_agg(md5(g::text)) from generate_series(1, 9000000) g; end $$");
  pollfd death{handle->fd(), POLLIN, 0};
  if (::poll(&death, 1, static_cast<int>(test::kPatience.count())) != 1)
    throw std::runtime_error("the kernel did not kill the server:\n" + server.log());
  return SteadyClock::now();
}

// As an init system does it: begun again at once.
SteadyTime kill_guard(Site& site) {
  site.kill_guard();
  const auto now = SteadyClock::now();
  site.start_guard();
  return now;
}

}  // namespace pgkeel::chaos
