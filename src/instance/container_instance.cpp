// See container_instance.hpp: what is there. Starting and stopping are in container_start.cpp.
#include "instance/container_instance.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "instance/anchor.hpp"
#include "instance/config_files.hpp"
#include "instance/data_dir.hpp"
#include "instance/lock.hpp"
#include "instance/preflight.hpp"
#include "instance/server_processes.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr int kLogLines = 200;
constexpr std::uint16_t kUsualPort = 5432;

bool is_mount_point(const fs::path& dir) {
  struct stat self{};
  struct stat parent{};
  if (::stat(dir.c_str(), &self) != 0) return false;
  if (::stat((dir / "..").c_str(), &parent) != 0) return false;
  return self.st_dev != parent.st_dev || self.st_ino == parent.st_ino;
}

// How clients reach it: a published port, or the container's own address, or the host's network.
void add_address(const ContainerFacts& facts, std::uint16_t inside, pg::Conninfo& conninfo) {
  conninfo.host =
      facts.network_mode == "host" || facts.ip_address.empty() ? "127.0.0.1" : facts.ip_address;
  conninfo.port = std::to_string(inside);
  for (const auto& port : facts.ports) {
    if (port.inside != inside || port.outside == 0) continue;
    const bool any = port.host_ip.empty() || port.host_ip == "0.0.0.0" || port.host_ip == "::";
    conninfo.host = any ? "127.0.0.1" : port.host_ip;
    conninfo.port = std::to_string(port.outside);
    return;
  }
}

}  // namespace

// A second server in the making.
std::vector<ContainerEntry> over_same_data(const ContainerFacts& container,
                                           const std::vector<ContainerEntry>& all) {
  std::vector<ContainerEntry> found;
  const auto* mine = data_mount(container);
  if (mine == nullptr) return found;
  for (const auto& other : all) {
    if (other.id == container.id || other.state != "running") continue;
    const auto same = [mine](const ContainerMount& mount) {
      return mount.writable &&
             (mine->type == "volume" ? mount.name == mine->name : mount.source == mine->source);
    };
    if (std::ranges::any_of(other.mounts, same)) found.push_back(other);
  }
  return found;
}

ContainerInstance::ContainerInstance(runtime::Loop& loop, ContainerPlan plan)
    : loop_(&loop),
      engine_(loop, plan.socket, plan.patience),
      plan_(std::move(plan)),
      data_dir_(plan_.data_dir) {}

std::string ContainerInstance::describe() const {
  auto text = fmt::format("container {}", plan_.container);
  if (!data_dir_.empty()) text += " at " + data_dir_.string();
  return text;
}

Capabilities ContainerInstance::capabilities() const {
  const fs::path place = nearest_existing(data_dir_);
  Capabilities can;
  can.sees_files = !data_dir_.empty() && ::access(place.c_str(), R_OK | X_OK) == 0;
  can.sees_process = runtime::running_as_root() && can.sees_files;
  can.can_start = can.can_stop = engine_answers_;
  can.can_move_files = runtime::running_as_root() && can.sees_files && !is_mount_point(data_dir_);
  return can;
}

// A Swarm makes another container, of another name, for each try at keeping a service running.
runtime::Task<Result<ContainerFacts>> ContainerInstance::inspect_container() {
  auto facts = co_await engine_.inspect(plan_.container);
  if (facts || facts.error().code != ErrorCode::NotFound) co_return facts;
  const auto all = co_await engine_.list();
  const auto* task = all ? task_of_service(*all, plan_.container) : nullptr;
  if (task == nullptr) co_return facts;
  auto of_task = co_await engine_.inspect(task->id);
  co_return of_task;
}

const std::string& ContainerInstance::known_as() const {
  return facts_ && swarm_task(*facts_) ? facts_->id : plan_.container;
}

runtime::Task<Result<void>> ContainerInstance::locate() {
  auto facts = co_await inspect_container();
  engine_answers_ = facts || facts.error().code != ErrorCode::EngineUnreachable;
  if (!facts) co_return fail(facts.error());
  facts_ = std::move(*facts);
  if (!plan_.data_dir.empty()) co_return Result<void>();
  auto outside = data_dir_outside(*facts_);
  if (outside.empty())
    co_return fail(
        Error(ErrorCode::Refused,
              fmt::format("container {} keeps {} in its own layer: it goes when the container is "
                          "removed",
                          plan_.container, data_dir_inside(*facts_).string()))
            .with_hint("Give it a named volume there, after a dump."));
  data_dir_ = std::move(outside);
  co_return Result<void>();
}

void ContainerInstance::assume_data_dir(fs::path data_dir) {
  if (data_dir_.empty()) data_dir_ = std::move(data_dir);
}

runtime::Task<std::optional<HostingFacts>> ContainerInstance::inspect_hosting() {
  HostingFacts hosting;
  hosting.name = plan_.container;
  const auto located = co_await locate();
  if (!located && located.error().code == ErrorCode::EngineUnreachable) {
    hosting.error = located.error().detail;
    co_return hosting;
  }
  hosting.exists = located.has_value() || located.error().code != ErrorCode::NotFound;
  if (!hosting.exists) hosting.others = co_await others_.find(&engine_, loop_->now());
  if (!hosting.exists || !facts_) co_return hosting;
  hosting.container = *facts_;
  const auto all = co_await engine_.list();
  if (!all) co_return hosting;
  for (const auto& twin : over_same_data(*facts_, *all)) hosting.twins.push_back(twin.name);
  co_return hosting;
}

std::optional<pg::Conninfo> ContainerInstance::client_path() const {
  if (!facts_) return std::nullopt;
  pg::Conninfo conninfo;
  const auto inside = port();
  add_address(*facts_, inside == 0 ? kUsualPort : inside, conninfo);
  conninfo.user = facts_->variable("POSTGRES_USER");
  if (conninfo.user.empty()) conninfo.user = "postgres";
  conninfo.password = facts_->variable("POSTGRES_PASSWORD");
  conninfo.database = "postgres";
  return conninfo;
}

runtime::Task<Result<std::vector<fs::path>>> ContainerInstance::other_places() {
  std::vector<fs::path> places;
  const auto* mount = facts_ ? data_mount(*facts_) : nullptr;
  if (mount == nullptr) co_return places;
  const auto below = data_dir_inside(*facts_).lexically_relative(mount->destination);
  const auto volumes = co_await engine_.volumes();
  if (!volumes) co_return fail(volumes.error());
  for (const auto& volume : *volumes)
    places.push_back(below == "." ? volume.mount_point : volume.mount_point / below);
  co_return places;
}

runtime::Task<Result<std::string>> ContainerInstance::keep_anchor() {
  CO_TRY_VOID(co_await locate());
  auto kept = co_await instance::keep_anchor(&engine_, *facts_);
  co_return kept;
}

// Also when the container is gone: the anchor is what is left of it.
runtime::Task<Result<void>> ContainerInstance::remove_anchor() {
  ContainerFacts facts = facts_.value_or(ContainerFacts{});
  if (facts.name.empty()) facts.name = plan_.container;
  auto removed = co_await instance::remove_anchor(&engine_, std::move(facts));
  co_return removed;
}

runtime::Task<Result<EventStream>> ContainerInstance::events(std::optional<WallTime> since) {
  auto stream = co_await engine_.events(since);
  co_return stream;
}

runtime::Task<std::optional<std::string>> ContainerInstance::recent_log() {
  auto log = co_await engine_.log_tail(known_as(), kLogLines);
  if (!log) co_return std::nullopt;
  co_return std::move(*log);
}

DataDirFacts ContainerInstance::inspect_data_dir() const {
  return instance::inspect_data_dir(data_dir_);
}

LockFacts ContainerInstance::inspect_lock() const {
  return instance::inspect_lock(data_dir_, Namespace::Container).facts;
}

// The one found last is looked at first: looking at every process of a host costs.
std::optional<Postmaster> ContainerInstance::find_postmaster() const {
  if (last_postmaster_) {
    const auto process = find_server_process(last_postmaster_->pid, data_dir_);
    const auto file = read_lock_file(data_dir_);
    if (process && process->start_ticks == last_postmaster_->start_ticks && file &&
        file->pid == process->inner_pid) {
      last_postmaster_->file = *file;
      return last_postmaster_;
    }
  }
  last_postmaster_ = instance::find_postmaster(data_dir_, Namespace::Container);
  return last_postmaster_;
}

// By the variable the official images set.
runtime::Task<Result<int>> ContainerInstance::programs_major() {
  int major = 0;
  const auto said = facts_ ? facts_->variable("PG_MAJOR") : std::string_view();
  std::from_chars(said.data(), said.data() + said.size(), major);
  co_return major;
}

std::vector<fs::path> ContainerInstance::config_files() const {
  return list_config_files(data_dir_ / "postgresql.conf", data_dir_);
}

std::uint16_t ContainerInstance::port() const {
  const auto file = read_lock_file(data_dir_);
  return file ? file->port : std::uint16_t{0};
}

Result<runtime::FileLock> ContainerInstance::lock_data_dir(std::string_view note) const {
  std::error_code error;
  if (!fs::is_directory(data_dir_, error))
    return fail(ErrorCode::DataDirMissing,
                "data directory " + data_dir_.string() + " does not exist");
  return runtime::FileLock::acquire(data_dir_ / ".", note);
}

}  // namespace pgkeel::instance
