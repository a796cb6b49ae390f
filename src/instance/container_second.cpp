// A second server over the same data, in another container of the engine, and the end of it. Which
// of two is the later one is said only on agreeing evidence: the engine shows exactly one other
// running container that has the data mounted for writing, /proc exactly two postmasters in the
// directory, one in the PID namespace of each container, and the other's began later by the
// kernel's clock and by the engine's. Whatever differs is Refused with what was seen.
// It is killed, not stopped: a shutdown writes a checkpoint over the control file of the server
// that goes on, and removes the lock file, without which that one shuts itself down in a minute.
#include <fmt/format.h>

#include <algorithm>

#include "instance/container_instance.hpp"
#include "instance/server_processes.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;
using runtime::Task;

constexpr Seconds kGoneAfterKill{10};

std::string namespace_of(pid_t pid) {
  std::error_code error;
  return fs::read_symlink(fmt::format("/proc/{}/ns/pid", pid), error).string();
}

std::vector<ServerProcess> postmasters_in(const fs::path& data_dir) {
  const auto all = scan_server_processes(data_dir).processes;
  std::vector<ServerProcess> found;
  for (const auto& process : all) {
    const bool child = std::ranges::count(all, process.parent, &ServerProcess::pid) > 0;
    const bool parent = std::ranges::count(all, process.pid, &ServerProcess::parent) > 0;
    if (!child && parent) found.push_back(process);
  }
  return found;
}

// The one postmaster that runs in the container.
Result<ServerProcess> postmaster_of(const std::vector<ServerProcess>& all,
                                    const ContainerFacts& container) {
  const auto wanted = namespace_of(container.pid);
  if (container.pid <= 0 || wanted.empty())
    return fail(ErrorCode::Refused,
                "the processes of container " + container.name + " cannot be looked at");
  const auto within = [&](const ServerProcess& process) {
    return namespace_of(process.pid) == wanted;
  };
  if (std::ranges::count_if(all, within) != 1)
    return fail(ErrorCode::Refused,
                fmt::format("not exactly one server runs in container {}", container.name));
  return *std::ranges::find_if(all, within);
}

bool began_later(const ContainerFacts& one, const ContainerFacts& other) {
  const auto began = parse_engine_time(one.started_at);
  const auto before = parse_engine_time(other.started_at);
  return began && before && *began > *before;
}

Result<SecondServer> later_of(const ContainerFacts& ours, const ContainerFacts& other,
                              const fs::path& data_dir) {
  // The later one may be the only one that serves then.
  if (!ours.running || ours.paused || ours.restarting)
    return fail(ErrorCode::Refused,
                fmt::format("container {}, the known one, is {}", ours.name, ours.status));
  const auto all = postmasters_in(data_dir);
  if (all.size() != 2)
    return fail(ErrorCode::Refused,
                fmt::format("{} servers run in {}", all.size(), data_dir.string()));
  TRY(our_server, postmaster_of(all, ours));
  TRY(their_server, postmaster_of(all, other));
  if (our_server.start_ticks >= their_server.start_ticks || !began_later(other, ours))
    return fail(ErrorCode::Refused,
                fmt::format("the server in {} is not clearly the later one", other.name));
  return SecondServer{other.id,         other.name,     their_server.pid, their_server.start_ticks,
                      other.started_at, ours.started_at};
}

}  // namespace

// Asked anew each time: nothing is remembered of who was second a moment ago.
Task<Result<std::optional<SecondServer>>> ContainerInstance::second_server() {
  CO_TRY(ours, co_await inspect_container());
  CO_TRY(all, co_await engine_.list());
  const auto others = over_same_data(ours, all);
  if (others.empty() && postmasters_in(data_dir_).size() <= 1)
    co_return std::optional<SecondServer>();
  if (others.size() != 1)
    co_return fail(ErrorCode::Refused,
                   fmt::format("{} other containers run over the same data", others.size()));
  CO_TRY(other, co_await engine_.inspect(others.front().id));
  if (postmasters_in(data_dir_).size() == 1 && !other.running)
    co_return std::optional<SecondServer>();
  CO_TRY(second, later_of(ours, other, data_dir_));
  co_return std::optional(std::move(second));
}

// A service is scaled down by stopping its task in order, which is what must not be; and killed it
// is made again.
Task<Result<Restarter>> ContainerInstance::second_restarter(SecondServer second) {
  CO_TRY(facts, co_await engine_.inspect(second.container));
  if (const auto task = swarm_task(facts))
    co_return fail(ErrorCode::Refused,
                   fmt::format("container {} is a task of the Swarm service {}, which makes "
                               "another when it is killed",
                               second.name, task->service));
  co_return Restarter{Restarter::Kind::Container, facts.id, restart_setting(facts)};
}

Task<Result<void>> ContainerInstance::hold_second(SecondServer second) {
  CO_TRY(now, co_await second_restarter(std::move(second)));
  auto done = co_await restart_as(&engine_, held(std::move(now)));
  co_return done;
}

Task<Result<void>> ContainerInstance::kill_second(SecondServer second) {
  const auto now = co_await second_server();
  if (!now) co_return fail(now.error());
  if (!*now) co_return Result<void>();
  if (**now != second)
    co_return fail(ErrorCode::Refused, "another server is the second one by now");
  const auto gone = runtime::ProcessHandle::open(second.postmaster);
  CO_TRY_VOID(co_await engine_.kill(second.container));
  if (!gone) co_return Result<void>();
  CO_TRY_VOID(co_await gone->wait_exit(*loop_, loop_->after(kGoneAfterKill)));
  co_return Result<void>();
}

}  // namespace pgkeel::instance
