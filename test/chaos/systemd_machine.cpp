// See systemd_machine.hpp.
#include "chaos/systemd_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <fstream>
#include <sstream>

#include "chaos/chaos.hpp"
#include "runtime/files.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTool = "tools/systemd-machine";
constexpr std::size_t kFewBytes = 4096;

std::string tool() { return fs::absolute(kTool).string(); }

runtime::ProcessOutput run_tool(runtime::Loop& loop, std::vector<std::string> argv) {
  runtime::ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.argv.insert(spec.argv.begin(), tool());
  auto output = loop.run_until_complete(
      runtime::run_process(loop, std::move(spec), loop.after(kPatience + kPatience)));
  if (output) return *std::move(output);
  return {runtime::ExitStatus{.code = 1, .signal = 0}, "", output.error().message()};
}

void trim(std::string& text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
}

pid_t number_in(std::string_view text) {
  pid_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string SystemdMachine::impossible() {
  runtime::Loop loop;
  const test::TempDir dir;
  auto output = run_tool(loop, {"possible", dir.path().string()});
  if (output.exit.ok()) return "";
  trim(output.out);
  return "no systemd can be booted: " + (output.out.empty() ? output.err : output.out);
}

SystemdMachine::SystemdMachine() : state_(dir_ / "machine") {
  fs::permissions(dir_.path(), fs::perms(0755));
  runtime::ProcessSpec spec;
  spec.argv = {"setpriv",
               "--pdeathsig",
               "TERM",
               tool(),
               "boot",
               state_.string(),
               fmt::format("{}:/usr/bin/pgkeel", PGKEEL_BINARY),
               fmt::format("{}:/etc/systemd/system/pgkeel.service",
                           fs::absolute("packaging/systemd/pgkeel.service").string())};
  spec.output_file = dir_ / "tool.log";
  spec.session = runtime::ProcessSpec::Session::New;
  auto started = runtime::start_process(spec);
  if (!started) throw std::runtime_error(started.error().message());
  tool_.emplace(*std::move(started));
  await_up();
}

SystemdMachine::~SystemdMachine() {
  static_cast<void>(tool_->signal(SIGTERM));
  static_cast<void>(loop_.run_until_complete(tool_->wait_exit(loop_, loop_.after(kPatience))));
}

runtime::ProcessOutput SystemdMachine::call(std::vector<std::string> argv) {
  argv.insert(argv.begin(), {"run", state_.string()});
  return run_tool(loop_, std::move(argv));
}

std::string SystemdMachine::run(std::vector<std::string> argv) {
  auto output = call(std::move(argv));
  trim(output.out);
  return output.out;
}

void SystemdMachine::must(std::vector<std::string> argv) {
  const auto line = fmt::format("{}", fmt::join(argv, " "));
  const auto output = call(std::move(argv));
  ASSERT_TRUE(output.exit.ok()) << line << ": " << output.exit.describe() << "\n"
                                << output.out << output.err;
}

void SystemdMachine::write(const fs::path& path, std::string_view text) {
  std::ofstream(outside(path)) << text;
}

fs::path SystemdMachine::outside(const fs::path& path) const {
  return fmt::format("/proc/{}/root{}", init(), path.string());
}

pid_t SystemdMachine::init() const {
  const pid_t unshare = number_in(runtime::read_file(state_ / "pid", kFewBytes).value_or(""));
  for (const pid_t pid : runtime::list_pids())
    if (const auto stat = runtime::read_proc_stat(pid); stat && stat->parent == unshare) return pid;
  return 0;
}

std::string SystemdMachine::property(const std::string& unit, const std::string& name) {
  return run({"systemctl", "show", "--property", name, "--value", unit});
}

std::vector<std::string> SystemdMachine::server_units() {
  std::istringstream lines(run({"sh", "-c",
                                "for p in /proc/[0-9]*; do read -r name <$p/comm && "
                                "[ \"$name\" = postgres ] && cat $p/cgroup; done 2>/dev/null"}));
  std::vector<std::string> units;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("0::")) units.push_back(line.substr(line.rfind('/') + 1));
  std::ranges::sort(units);
  units.erase(std::ranges::unique(units).begin(), units.end());
  return units;
}

pid_t SystemdMachine::postmaster(const fs::path& data_dir) {
  const auto file = outside(data_dir) / "postmaster.pid";
  const pid_t pid = number_in(runtime::read_file(file, kFewBytes).value_or(""));
  return pid > 0 && fs::exists(outside(fmt::format("/proc/{}", pid))) ? pid : 0;
}

std::string SystemdMachine::oom_score(pid_t pid) {
  return run({"cat", fmt::format("/proc/{}/oom_score_adj", pid)});
}

bool SystemdMachine::may_lower_oom_score() {
  return call({"sh", "-c", "echo -1 >/proc/self/oom_score_adj"}).exit.ok();
}

void SystemdMachine::await_up() {
  const auto is_up = [this] {
    const auto state = run({"systemctl", "is-system-running"});
    return state == "running" || state == "degraded";
  };
  ASSERT_TRUE(test::wait_until(is_up, kPatience))
      << runtime::read_file(dir_ / "tool.log", kFewBytes).value_or("") << "\n"
      << runtime::read_file(state_ / "errors", kFewBytes).value_or("");
}

void SystemdMachine::reboot() {
  const pid_t before = init();
  run({"systemctl", "reboot"});
  ASSERT_TRUE(test::wait_until(
      [&] {
        const pid_t now = init();
        return now != 0 && now != before;
      },
      kPatience));
  await_up();
}

}  // namespace pgkeel::chaos
