// See remote.hpp.
#include "instance/remote.hpp"

#include <fmt/format.h>

#include "pg/conninfo.hpp"

namespace pgkeel::instance {
namespace {

using runtime::Task;

constexpr std::uint16_t kUsualPort = 5432;

std::uint16_t port_of(const pg::ConninfoHost& host) {
  return host.port == 0 ? kUsualPort : host.port;
}

std::string name_of(const std::vector<pg::ConninfoHost>& hosts) {
  std::string name;
  for (const auto& host : hosts)
    name += fmt::format("{}{}:{}", name.empty() ? "" : ", ", host.host, port_of(host));
  return name.empty() ? std::string("of libpq's defaults") : name;
}

}  // namespace

std::unexpected<Error> RemoteInstance::out_of_reach(std::string_view what) const {
  return fail(
      Error(ErrorCode::NotSupported, fmt::format("{} of {}", what, describe()))
          .with_hint("pgkeel reaches it by SQL only; 'pgkeel status' shows what it can do."));
}

DataDirFacts RemoteInstance::inspect_data_dir() const {
  DataDirFacts facts;
  facts.state = DataDirState::Unreadable;
  facts.detail = "it is on another machine";
  return facts;
}

LockFacts RemoteInstance::inspect_lock() const {
  LockFacts facts;
  facts.state = LockState::Unclear;
  facts.detail = "it is on another machine";
  return facts;
}

Task<Result<void>> RemoteInstance::check_config() {
  co_return out_of_reach("cannot read the configuration");
}

// Nothing of it is ours to look at before a login is tried.
Task<Result<void>> RemoteInstance::preflight() { co_return Result<void>(); }

Result<runtime::FileLock> RemoteInstance::lock_data_dir(std::string_view) const {
  return out_of_reach("cannot lock the data directory");
}

Task<Result<StartReport>> RemoteInstance::start(StartOptions, SteadyTime) {
  co_return out_of_reach("cannot start the process");
}

Task<Result<void>> RemoteInstance::stop(StopMode, SteadyTime) {
  co_return out_of_reach("cannot stop the process");
}

Task<Result<void>> RemoteInstance::await_orphans_gone(SteadyTime, SteadyTime) {
  co_return out_of_reach("cannot see the processes");
}

Result<void> RemoteInstance::resume_stopped() { return out_of_reach("cannot signal the process"); }

Result<std::unique_ptr<Instance>> make_remote(const InstanceConfig& config) {
  TRY(conninfo, pg::parse_conninfo(config.url));
  const auto hosts = conninfo.hosts();
  return std::make_unique<RemoteInstance>(name_of(hosts),
                                          hosts.empty() ? kUsualPort : port_of(hosts.front()));
}

}  // namespace pgkeel::instance
