// pgkeel receive: the process that takes WAL into the archive. The guard starts it and lets it live
// on when it ends itself.
#include <unistd.h>

#include <thread>

#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/shadow/places.hpp"
#include "app/shadow/relay_feed.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/receive/receive.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kEndWithin{2};

Result<archive::ServerAddress> locate(const Config& config) {
  TRY(server, find_server_target(config));
  return archive::ServerAddress{std::move(server.conninfo), std::move(server.connect_as)};
}

Result<archive::Encoding> encoding_of(const Config& config) {
  archive::Encoding encoding;
  encoding.level = config.archive.compress_level;
  encoding.threads = 0;  // the shipper is a thread of its own already
  const auto& file = config.archive.encryption_key_file;
  if (file.empty()) return encoding;
  TRY(keys, archive::read_key_file(file));
  if (const auto* key = keys.sealing()) encoding.key = *key;
  return encoding;
}

// Whose archive it is, where the store can be asked now; otherwise the receiver finds out later.
std::optional<SystemId> archived_system(const archive::StoreAddress& address) {
  const auto store = archive::open_store(address);
  if (!store) return std::nullopt;
  const auto marker = archive::read_marker(**store);
  return marker && *marker ? std::optional((*marker)->system_id) : std::nullopt;
}

Result<archive::ReceiveRequest> request_of(const Config& config) {
  archive::ReceiveRequest request;
  TRY(address, store_address(config.archive.store));
  TRY(encoding, encoding_of(config));
  request.locate = [&config] { return locate(config); };
  request.spool = archive::spool_directory(address, config.state_dir);
  request.state_dir = config.state_dir;
  request.encoding = std::move(encoding);
  request.durability = config.archive.durability == Durability::Sync ? archive::Durability::Sync
                                                                     : archive::Durability::Async;
  request.system_id = archived_system(address);
  request.store = std::move(address);
  return request;
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  configure_log(config.log.format, config.log.level);
  if (!config.archive.configured())
    return fail(Error(ErrorCode::WrongState, "no archive is configured")
                    .with_hint("Set archive.store to a directory on another disk, or to "
                               "s3://bucket/prefix."));
  TRY_VOID(runtime::ensure_directory(config.state_dir, {.mode = 0700, .owner = {}}));
  const auto lock = runtime::FileLock::acquire(config.state_dir / archive::kReceiveLockFile,
                                               fmt::format("pgkeel receive (pid {})", ::getpid()));
  if (!lock)
    return fail(
        Error(lock.error())
            .with_hint("The WAL receiver runs already; 'pgkeel status' shows how it is doing."));
  TRY(request, request_of(config));
  const StopOnSignal stop;
  std::optional<RelayFeed> relay;
  if (config.shadow.enabled) {
    relay.emplace(config);
    request.relays_in = relay_directory(config);
    request.on_written = [&relay](TimelineId timeline, Lsn end) { relay->written(timeline, end); };
  }
  request.wake_fd = stop.wake_fd();
  TRY_VOID(archive::receive(request));
  // All is flushed and reported. The relay may be in the midst of a slow store, and the next
  // receiver waits for our lock.
  std::thread([] {
    std::this_thread::sleep_for(kEndWithin);
    ::_exit(0);
  }).detach();
  return 0;
}

}  // namespace

CommandSpec receive_command() {
  return {.name = "receive",
          .summary = "take WAL from the server into the archive, in the foreground",
          .details =
              "Streams from a replication slot of its own (pgkeel_receiver), keeps what it has "
              "on the archive's disk and ships whole segments to the store. The guard runs it "
              "when archive.store is set; SIGTERM ends it with everything flushed.",
          .example = "pgkeel receive --config /etc/pgkeel/pgkeel.toml",
          .run = run};
}

}  // namespace pgkeel::app
