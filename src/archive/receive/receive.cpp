// See receive.hpp.
#include "archive/receive/receive.hpp"

#include <unistd.h>

#include "archive/catalog/layout.hpp"
#include "archive/receive/receiver.hpp"
#include "base/log.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

// What an earlier run knew and this one has to know, too.
ReceiveStatus first_status(const ReceiveRequest& request) {
  ReceiveStatus status;
  if (const auto before = read_receive_status(request.status_file())) {
    status.system_id = before->system_id;
    status.timeline = before->timeline;
    status.received_lsn = status.flushed_lsn = before->flushed_lsn;
    status.shipped_segment = before->shipped_segment;
    status.gap = before->gap;
  }
  status.pid = ::getpid();
  status.started_at = wall_now();
  status.durability = request.durability;
  status.store = request.store.where;
  status.relays_in = request.relays_in;
  return status;
}

}  // namespace

Result<void> receive(const ReceiveRequest& request) {
  TRY_VOID(runtime::ensure_directory(request.spool, {.mode = 0700, .owner = {}}));
  const auto lock = runtime::FileLock::acquire(request.spool, "pgkeel receive");
  if (!lock)
    return fail(Error(lock.error())
                    .with_hint("Another receiver writes to this archive; stop it first, or give "
                               "this one another store."));
  TRY(ground, Ground::of(request.state_dir, request.spool));
  Receiver receiver(request, std::move(ground), first_status(request));
  auto ended = receiver.run();
  if (ended) log_info("receiver stopped");
  return ended;
}

std::filesystem::path spool_directory(const StoreAddress& store,
                                      const std::filesystem::path& state_dir) {
  return (store.is_directory() ? std::filesystem::path(store.where) : state_dir) /
         kIncomingDirectory;
}

}  // namespace pgkeel::archive
