// kill -9 of the guard is no event for the application: PostgreSQL is not its child in any way that
// matters, and the next guard adopts the server that runs.
#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "chaos/chaos.hpp"

namespace pgkeel::chaos {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A guard in the foreground of a terminal of its own, its log in a file, as in `pgkeel guard
// 2>log`.
class GuardInTerminal {
 public:
  explicit GuardInTerminal(const app::Stage& stage) {
    std::vector<std::string> words = {PGKEEL_BINARY, "guard", "--config",
                                      (stage.directory() / "pgkeel.toml").string()};
    std::vector<std::string> settings = {"PATH=/usr/bin:/bin"};
    for (const auto& [name, value] : stage.environment()) settings.push_back(name + "=" + value);
    const auto log = (stage.directory() / "guard.log").string();
    const auto argv = pointers_to(words);
    const auto environment = pointers_to(settings);
    pid_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (pid_ != 0) return;
    const int file = ::open(log.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::execve(argv[0], argv.data(), environment.data());
    ::_exit(127);
  }
  ~GuardInTerminal() {
    close_terminal();
    if (pid_ <= 0 || ended()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  GuardInTerminal(const GuardInTerminal&) = delete;
  GuardInTerminal& operator=(const GuardInTerminal&) = delete;

  [[nodiscard]] bool started() const { return pid_ > 0; }
  void close_terminal() {
    if (terminal_ >= 0) ::close(terminal_);
    terminal_ = -1;
  }
  bool ended() {
    if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return ended_;
  }
  [[nodiscard]] int status() const { return status_; }

 private:
  pid_t pid_ = -1;
  int terminal_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

TEST(GuardKilled, PostgresKeepsServingAndTheNextGuardAdoptsIt) {
  // The writer sees no error, the postmaster stays the same, guarding goes on (A9 D6).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  ASSERT_TRUE(service_restored(scene));
  const auto postmaster = postmaster_pid(stage);
  scene.writer->mark();
  ASSERT_TRUE(stage.kill_guard().has_value());
  ASSERT_TRUE(service_restored(scene));
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(stage.await_ready().has_value());
  EXPECT_EQ(postmaster_pid(stage), postmaster);
  const auto told = [&] { return !incidents(stage).empty() && settled(stage); };
  ASSERT_TRUE(test::wait_until(told, kPatience));
  EXPECT_EQ(incidents(stage).front().cause, "guard_killed");
  EXPECT_TRUE(incidents(stage).front().actions.empty());
  ASSERT_TRUE(service_restored(scene));
  EXPECT_EQ(scene.writer->tally().errors, 0);
  kill_server(stage);
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  ASSERT_TRUE(service_restored(scene));
}

TEST(GuardKilled, AClosedTerminalEndsTheGuardAndNothingElse) {
  // Goal: a guard does not live on unseen when its terminal is closed; the server it started there
  // serves on (A9 D6).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  stage.end_guard();
  GuardInTerminal guard(stage);
  ASSERT_TRUE(guard.started());
  const auto up = [&] {
    const auto status = stage.client().get("/api/v1/status");
    return status && status->value("state", "") == "up";
  };
  ASSERT_TRUE(test::wait_until(up, kPatience));
  kill_server(stage);
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  const auto postmaster = postmaster_pid(stage);
  guard.close_terminal();
  ASSERT_TRUE(test::wait_until([&] { return guard.ended(); }, kPatience));
  EXPECT_TRUE(WIFEXITED(guard.status()) && WEXITSTATUS(guard.status()) == 0) << guard.status();
  EXPECT_EQ(postmaster_pid(stage), postmaster);
  EXPECT_TRUE(stage.sql("shop", "select 1").has_value());
}

}  // namespace
}  // namespace pgkeel::chaos
