// See local_instance.hpp: what is there, and what it would take to start it.
#include "instance/local_instance.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "instance/binaries.hpp"
#include "instance/config_files.hpp"
#include "instance/data_dir.hpp"
#include "instance/ending.hpp"
#include "instance/lock.hpp"
#include "instance/preflight.hpp"
#include "instance/systemd_scope.hpp"
#include "instance/systemd_unit.hpp"

namespace pgkeel::instance {

namespace fs = std::filesystem;

std::vector<std::pair<std::string, std::string>> server_settings(const InstanceConfig& config) {
  std::vector<std::pair<std::string, std::string>> settings;
  if (config.port != 0) settings.emplace_back("port", std::to_string(config.port));
  if (!config.socket_dir.empty())
    settings.emplace_back("unix_socket_directories", config.socket_dir.string());
  settings.insert(settings.end(), config.settings.begin(), config.settings.end());
  return settings;
}

std::string LocalInstance::describe() const {
  std::string text(to_string(kind()));
  if (layout_.debian) text += " " + layout_.debian->unit();
  return text + " at " + data_dir().string();
}

Capabilities LocalInstance::capabilities() const {
  const fs::path place = nearest_existing(data_dir());
  struct stat status{};
  const bool looked = ::stat(place.c_str(), &status) == 0;
  const bool owner = runtime::running_as_root() || (looked && status.st_uid == ::geteuid());
  Capabilities can;
  can.sees_files = ::access(place.c_str(), R_OK | X_OK) == 0;
  can.sees_process = owner;
  can.can_start = owner;
  can.can_stop = owner;
  can.can_move_files = owner && ::access(data_dir().parent_path().c_str(), W_OK | X_OK) == 0;
  return can;
}

DataDirFacts LocalInstance::inspect_data_dir() const {
  return instance::inspect_data_dir(data_dir());
}

LockFacts LocalInstance::inspect_lock() const { return instance::inspect_lock(data_dir()).facts; }

runtime::Task<Result<Restarter>> LocalInstance::restarter() {
  if (!systemd_runs() || !runtime::running_as_root() || layout_.unit.empty()) co_return Restarter{};
  auto found = co_await unit_restarter(loop_, layout_.unit);
  co_return found;
}

runtime::Task<Result<void>> LocalInstance::set_restarter(Restarter wanted) {
  if (wanted.kind == Restarter::Kind::None) co_return Result<void>();
  auto done = co_await set_unit_restarter(loop_, std::move(wanted));
  co_return done;
}

std::optional<Postmaster> LocalInstance::find_postmaster() const {
  return instance::find_postmaster(data_dir());
}

fs::path LocalInstance::config_file() const {
  if (!layout_.command.config_file.empty()) return layout_.command.config_file;
  const ServerCommand command = with_earlier_options(layout_.command, layout_.earlier);
  return config_file_in(command.options).value_or(data_dir() / "postgresql.conf");
}

std::vector<fs::path> LocalInstance::config_files() const {
  return list_config_files(config_file(), data_dir());
}

std::uint16_t LocalInstance::port() const {
  const auto file = read_lock_file(data_dir());
  return file && file->port != 0 ? file->port : configured_port();
}

std::uint16_t LocalInstance::configured_port() const {
  if (layout_.port != 0) return layout_.port;
  const ServerConfig config = read_server_config(config_file(), data_dir());
  return config.files.empty() ? std::uint16_t{0} : port_of(config);
}

Result<ServerCommand> LocalInstance::complete_command() const {
  ServerCommand command = layout_.command;
  if (!command.bin_dir.empty()) return command;
  TRY(major, read_major(data_dir()));
  TRY(bin_dir, find_bin_dir(major));
  command.bin_dir = bin_dir;
  return command;
}

runtime::Task<Result<int>> LocalInstance::server_major(fs::path bin_dir) {
  CO_TRY(program, program_in(bin_dir, "postgres"));
  CO_TRY(inode, runtime::inode_of(program));
  if (known_program_ && known_program_->bin_dir == bin_dir && known_program_->inode == inode)
    co_return known_program_->major;
  CO_TRY(major, co_await read_server_major(*loop_, bin_dir));
  known_program_ = KnownProgram{bin_dir, inode, major};
  co_return major;
}

runtime::Task<Result<int>> LocalInstance::programs_major() {
  CO_TRY(command, complete_command());
  auto major = co_await server_major(command.bin_dir);
  co_return major;
}

runtime::Task<Result<void>> LocalInstance::preflight() {
  const DataDirFacts facts = inspect_data_dir();
  CO_TRY_VOID(check_data_dir(facts, data_dir()));
  CO_TRY_VOID(check_owner(facts, data_dir(), ::geteuid()));
  CO_TRY(command, complete_command());
  CO_TRY(major, co_await server_major(command.bin_dir));
  co_return check_major(facts, data_dir(), major);
}

Result<runtime::FileLock> LocalInstance::lock_data_dir(std::string_view note) const {
  std::error_code error;
  if (!fs::is_directory(data_dir(), error))
    return fail(ErrorCode::DataDirMissing,
                "data directory " + data_dir().string() + " does not exist");
  // The dot keeps a directory that vanishes right now from being created as a file.
  return runtime::FileLock::acquire(data_dir() / ".", note);
}

runtime::Task<Result<void>> LocalInstance::stop(StopMode mode, SteadyTime deadline) {
  auto stopped = co_await stop_server(loop_, data_dir(), mode, deadline);
  co_return stopped;
}

runtime::Task<Result<void>> LocalInstance::await_orphans_gone(SteadyTime patience,
                                                              SteadyTime deadline) {
  auto gone = co_await end_orphans(loop_, data_dir(), patience, deadline);
  co_return gone;
}

Result<void> LocalInstance::resume_stopped() { return continue_stopped(data_dir()); }

}  // namespace pgkeel::instance
