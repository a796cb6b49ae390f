// pgkeel shadow: the process that builds the shadow and keeps its server. The guard starts it and
// lets it live on when it ends itself.
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "app/archive/copy_programs.hpp"
#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/psql_target.hpp"
#include "app/shadow/places.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/restore/foreign_tablespaces.hpp"
#include "instance/instance.hpp"
#include "shadow/relay/status.hpp"
#include "shadow/standby/standby.hpp"

namespace pgkeel::app {
namespace {

constexpr int kNice = 10;  // the primary goes first

Result<SystemId> archived_system(const ArchiveTools& tools) {
  TRY(marker, archive::read_marker(*tools.store));
  if (marker) return marker->system_id;
  return fail(Error(ErrorCode::WrongState, "the archive is empty: there is nothing to follow")
                  .with_hint("'pgkeel backup now' makes the first backup."));
}

// Another libc sorts differently: what follows in it is no copy to serve from.
Result<void> require_own_programs(const Config& config, const archive::RestoreRequest& restore) {
  if (config.instance.kind != instance::Kind::Container || restore.image) return {};
  return fail(Error(ErrorCode::WrongState, "the image of the server's container is not known")
                  .with_hint("The shadow waits until the container engine tells it."));
}

constexpr const char* kGateCache = "gate";  // in the state directory
// The gate asks the copy what goes before it lets it go.
constexpr Millis kLongEnoughToName{5'000};

Result<client::ReplicationSession> live_session(const Config& config, const std::string& database) {
  TRY(server, find_server_target(config));
  server.conninfo.database = database;
  client::ReplicationOptions options;
  options.mode = client::ReplicationMode::Sql;
  options.connect_as = server.connect_as;
  return client::ReplicationSession::open(server.conninfo, options);
}

Result<shadow::GateOptions> gate_of(const ArchiveTools& tools) {
  const auto& config = tools.config;
  TRY(marker, archive::read_marker(*tools.store));
  if (!marker) return fail(ErrorCode::WrongState, "the archive is empty");
  shadow::GateOptions gate;
  gate.upstream = shadow_run_directory(config);
  gate.directory = gate_directory(config);
  gate.file = config.state_dir / shadow::kGateStatusFile;
  gate.releases = config.state_dir / shadow::kReleasesDirectory;
  gate.system_id = marker->system_id;
  gate.places = {tools.incoming, config.state_dir / kGateCache, tools.address, tools.keys,
                 marker->wal_segment_bytes};
  gate.bounds.rows = static_cast<std::uint64_t>(config.shadow.mass_rows);
  gate.hold = config.shadow.undrop == UndropPolicy::Off
                  ? std::min(config.shadow.hold, kLongEnoughToName)
                  : config.shadow.hold;
  gate.sides.share = config.shadow.mass_share;
  gate.sides.live = [&config](const std::string& database) {
    return live_session(config, database);
  };
  gate.in_use = [&config] { return !lock_job(config, "undrop"); };
  TRY_VOID(runtime::ensure_directory(gate.places.cache, {.mode = 0700, .owner = {}}));
  return gate;
}

Result<shadow::StandbyRequest> request_of(ArchiveTools& tools, const StopOnSignal& stop) {
  const auto& config = tools.config;
  shadow::StandbyRequest request;
  TRY(system_id, archived_system(tools));
  request.archive = [&tools, &stop]() -> Result<archive::RestoreRequest> {
    TRY(restore, restore_request(tools, stop));
    TRY_VOID(require_own_programs(tools.config, restore));
    if (!restore.image) restore.in_use = archive::tablespaces_in(tools.config.instance.data_dir);
    return restore;
  };
  request.places = shadow_copy_places(config);
  request.work_dir = shadow_socket_directory(config);
  request.relay_directory = shadow_run_directory(config);
  request.relay_status = config.state_dir / shadow::kRelayStatusFile;
  request.status_file = config.state_dir / shadow::kShadowStatusFile;
  request.system_id = system_id;
  request.stop = stop.token();
  if (config.shadow.hold > Millis(0)) {
    TRY(gate, gate_of(tools));
    request.gate = std::move(gate);
  }
  TRY(account, copy_account(config));
  TRY_VOID(runtime::ensure_directory(shadow_run_directory(config),
                                     {.mode = 0750, .owner = std::move(account)}));
  return request;
}

Result<void> require_place(const Config& config) {
  if (!shadow_may_run(config))
    return fail(
        Error(ErrorCode::WrongState, fmt::format("an instance of kind {} can have no shadow yet",
                                                 instance::to_string(config.instance.kind)))
            .with_hint("'pgkeel backup drill' proves the archive without one."));
  const auto data_dir = config.instance.data_dir.lexically_normal();
  const auto within = shadow_data_directory(config).lexically_relative(data_dir);
  if (data_dir.empty() || within.empty() || within.native().starts_with("..")) return {};
  return fail(Error(ErrorCode::ConfigBadValue, "shadow.data_dir lies in the data directory")
                  .with_hint("Set it to a place beside it, or on another disk."));
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  configure_log(config.log.format, config.log.level);
  if (!config.shadow.enabled)
    return fail(Error(ErrorCode::WrongState, "no shadow is configured")
                    .with_hint("Set shadow.enabled = true; it needs archive.store, and as much "
                               "disk again as the database has."));
  TRY_VOID(require_place(config));
  const auto lock = lock_job(config, "shadow");
  if (!lock) return fail(lock.error());
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, kNice));
  TRY(tools, open_archive(config));
  const StopOnSignal stop;
  TRY(request, request_of(tools, stop));
  shadow::Standby standby(std::move(request));
  standby.run();
  return 0;
}

}  // namespace

CommandSpec shadow_command() {
  return {.name = "shadow",
          .summary = "keep a standby that is fed by the archive alone, in the foreground",
          .details =
              "Builds it from the newest backup when there is none, streams from the receiver's "
              "relay and builds it anew when it cannot follow. It opens no port. The guard runs it "
              "when shadow.enabled is set; SIGTERM ends it and its server.",
          .example = "pgkeel shadow --config /etc/pgkeel/pgkeel.toml",
          .run = run};
}

}  // namespace pgkeel::app
