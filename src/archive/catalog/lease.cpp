// See lease.hpp.
#include "archive/catalog/lease.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "archive/catalog/fields.hpp"
#include "archive/catalog/layout.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

using nlohmann::json;

constexpr std::size_t kLeaseBytesMax = 64U << 10U;
constexpr const char* kMemory = "archive-writer.json";
constexpr const char* kLock = "archive-writer.lock";
constexpr Millis kLockEvery{20};
constexpr Millis kLockPatience{30'000};  // a renewal takes two small requests to the store

std::string random_id() {
  std::random_device random;
  std::uniform_int_distribution<std::uint64_t> any;
  return fmt::format("{:016x}{:016x}", any(random), any(random));
}

std::string machine_id() {
  const auto text = runtime::read_file("/etc/machine-id", kLeaseBytesMax);
  if (!text) return {};
  return text->substr(0, text->find('\n'));
}

Lease read_fields(const json& from) {
  return {fields::text(from, "machine_id"),
          fields::text(from, "writer_id"),
          fields::number<std::uint64_t>(from, "epoch"),
          fields::timeline(from, "timeline"),
          fields::lsn(from, "last_lsn"),
          fields::time(from, "renewed_at")};
}

Error not_ours(const Lease& holder, std::string why) {
  return Error(ErrorCode::Refused,
               fmt::format("{}; nothing is archived or expired. The archive was last written {} "
                           "up to {} by machine {}",
                           why, to_iso8601(holder.renewed_at), to_string(holder.last_lsn),
                           holder.machine_id.substr(0, 8)))
      .with_hint(
          "If this server is the one to be archived from now on: 'pgkeel backup take-over "
          "--yes'. If it is a copy, give it an archive of its own.");
}

Result<std::optional<Lease>> remembered_in(const std::filesystem::path& path) {
  const auto text = runtime::read_file(path, kLeaseBytesMax);
  if (!text && text.error().code == ErrorCode::NotFound) return std::nullopt;
  if (!text) return fail(text.error());
  TRY(lease, parse_lease(*text));
  return lease;
}

Result<runtime::FileLock> lock_of(const std::filesystem::path& state_dir) {
  const auto until = SteadyClock::now() + kLockPatience;
  while (true) {
    auto lock = runtime::FileLock::acquire(state_dir / kLock, "a renewal of the archive's lease");
    if (lock || lock.error().code != ErrorCode::StateLocked || SteadyClock::now() >= until)
      return lock;
    std::this_thread::sleep_for(kLockEvery);
  }
}

}  // namespace

std::string to_json(const Lease& lease) {
  const json record{{"format", kFormat},
                    {"machine_id", lease.machine_id},
                    {"writer_id", lease.writer_id},
                    {"epoch", lease.epoch},
                    {"timeline", lease.timeline.value},
                    {"last_lsn", to_string(lease.last_lsn)},
                    {"renewed_at", to_iso8601(lease.renewed_at)}};
  return record.dump(2) + "\n";
}

Result<Lease> parse_lease(std::string_view text) {
  const auto record = json::parse(text, nullptr, false);
  if (record.is_discarded() || !record.is_object())
    return fail(ErrorCode::Malformed, "no lease: not a JSON object");
  try {
    return read_fields(record);
  } catch (const std::exception& problem) {
    return fail(ErrorCode::Malformed, fmt::format("damaged lease: {}", problem.what()));
  }
}

Result<std::optional<Lease>> read_lease(Store& store) {
  const auto text = read_object(store, kLeaseKey, kLeaseBytesMax);
  if (!text && text.error().code == ErrorCode::NotFound) return std::nullopt;
  if (!text) return fail(text.error());
  TRY(lease, parse_lease(*text));
  return lease;
}

std::optional<Error> objection(const std::optional<Lease>& in_store,
                               const std::optional<Lease>& remembered, const Lease& ours,
                               const ServerPosition& server) {
  if (!in_store) return std::nullopt;
  if (in_store->writer_id != ours.writer_id)
    return not_ours(*in_store, "another state directory writes this archive");
  if (in_store->machine_id != ours.machine_id)
    return not_ours(*in_store, "this is a copy of the machine that writes this archive");
  if (remembered && in_store->epoch > remembered->epoch)
    return not_ours(*in_store, "a copy of this machine has written this archive meanwhile");
  if (in_store->timeline == server.timeline && server.flushed < in_store->last_lsn)
    return not_ours(*in_store, fmt::format("the server is at {}, behind what it archived: it was "
                                           "rolled back",
                                           to_string(server.flushed)));
  if (server.timeline < in_store->timeline)
    return not_ours(*in_store,
                    fmt::format("the server is on timeline {}, behind the archive's {}",
                                to_string(server.timeline), to_string(in_store->timeline)));
  return std::nullopt;
}

Result<Writer> Writer::open(const std::filesystem::path& state_dir) {
  const auto lock = lock_of(state_dir);
  if (!lock) return fail(lock.error());
  TRY(remembered, remembered_in(state_dir / kMemory));
  Lease self;
  self.machine_id = machine_id();
  if (remembered) {
    self.writer_id = remembered->writer_id;
  } else {
    self.writer_id = random_id();
    TRY_VOID(runtime::write_file_atomic(state_dir / kMemory, to_json(self)));
  }
  return Writer(state_dir, std::move(self));
}

Result<void> Writer::renew(Store& store, const ServerPosition& server) {
  const auto lock = lock_of(state_dir_);
  if (!lock) return fail(lock.error());
  TRY(in_store, read_lease(store));
  TRY(remembered, remembered_in(state_dir_ / kMemory));
  if (auto refused = objection(in_store, remembered, self_, server)) return fail(*refused);
  const std::uint64_t before =
      std::max(in_store ? in_store->epoch : 0, remembered ? remembered->epoch : 0);
  return write(store, before + 1, server);
}

Result<void> Writer::renew(Store& store, const std::function<Result<ServerPosition>()>& look) {
  TRY(seen, look());
  auto renewed = renew(store, seen);
  if (renewed || renewed.error().code != ErrorCode::Refused) return renewed;
  TRY(now, look());
  return renew(store, now);
}

Result<void> Writer::take_over(Store& store, const ServerPosition& server) {
  const auto lock = lock_of(state_dir_);
  if (!lock) return fail(lock.error());
  TRY(in_store, read_lease(store));
  return write(store, in_store ? in_store->epoch + 1 : 1, server);
}

// Our memory first: dying between the two leaves us ahead of the store, which is harmless.
Result<void> Writer::write(Store& store, std::uint64_t epoch, const ServerPosition& server) {
  Lease lease = self_;
  lease.epoch = epoch;
  lease.timeline = server.timeline;
  lease.last_lsn = server.flushed;
  lease.renewed_at = wall_now();
  TRY_VOID(runtime::write_file_atomic(state_dir_ / kMemory, to_json(lease)));
  return write_object(store, kLeaseKey, to_json(lease), Replace::Always);
}

}  // namespace pgkeel::archive
