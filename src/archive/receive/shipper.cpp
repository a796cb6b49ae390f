// See shipper.hpp.
#include "archive/receive/shipper.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"
#include "archive/catalog/lease.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/codec/crypto.hpp"
#include "archive/receive/store_view.hpp"
#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::size_t kChunkBytes = 256U << 10U;
constexpr Millis kLookEvery{10'000};  // should a call to look() ever be missed
constexpr Millis kBackoffLeast{1'000};
constexpr Millis kBackoffMost{60'000};
constexpr Millis kLeaseEvery{300'000};
constexpr int kNice = 5;

// Receiving comes first, and the server on the same machine. This thread yields to both, and no
// further: with the lowest priorities a busy machine, which is the one that writes most WAL, would
// starve it for ever. Where a scheduler knows no priorities nothing is lost.
void step_back() {
  constexpr int kWhoThread = 1;                 // IOPRIO_WHO_PROCESS, with 0: the calling thread
  constexpr int kLastBestEffort = 2 << 13 | 7;  // IOPRIO_CLASS_BE, the last of its eight levels
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, kNice));
  static_cast<void>(::syscall(SYS_ioprio_set, kWhoThread, 0, kLastBestEffort));
}

using Consume = std::function<Result<void>(ByteSpan)>;

Result<void> read_through(const std::filesystem::path& path, const std::stop_token& stop,
                          const Consume& consume) {
  const runtime::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return fail_errno(errno, fmt::format("open {}", path.native()));
  std::vector<std::byte> chunk(kChunkBytes);
  while (true) {
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    const auto count = ::read(fd.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, fmt::format("read {}", path.native()));
    if (count == 0) return {};
    TRY_VOID(consume(ByteSpan(chunk).first(static_cast<std::size_t>(count))));
  }
}

/// What a file of the spool is called in the store.
struct Place {
  std::string prefix;
  std::string name;  ///< "000000010000000000000003", "....partial", "00000002.history"
};

Place place_of(const SpoolFile& file) {
  if (file.kind == SpoolFile::Kind::History) return {kHistoryPrefix, file.name};
  const auto segment_bytes = file.size_bytes;
  auto name = pg::segment_name(file.segment, segment_bytes);
  if (file.kind == SpoolFile::Kind::Ended) name += kBeginningSuffix;
  return {wal_prefix(file.segment, segment_bytes), std::move(name)};
}

}  // namespace

Shipper::Shipper(ShipperOptions options, StatusBoard& board)
    : options_(std::move(options)), board_(board) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Shipper::~Shipper() {
  thread_.request_stop();
  thread_.join();
}

void Shipper::look() {
  const std::lock_guard lock(mutex_);
  something_new_ = true;
  wake_.notify_one();
}

void Shipper::rest(const std::stop_token& stop, Millis limit) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, limit, [this] { return something_new_; });
  something_new_ = false;
}

void Shipper::server_is(const ServerIdentity& server) {
  const std::lock_guard lock(mutex_);
  server_ = server;
}

std::optional<Error> Shipper::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

void Shipper::run(const std::stop_token& stop) {
  step_back();
  auto backoff = kBackoffLeast;
  while (!stop.stop_requested()) {
    const auto shipped = ship_all(stop);
    if (shipped || stop.stop_requested()) {
      backoff = kBackoffLeast;
      rest(stop, kLookEvery);
      continue;
    }
    failed(shipped.error(), backoff);
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, backoff, [] { return false; });
    backoff = std::min(backoff * 2, kBackoffMost);
  }
}

void Shipper::failed(const Error& error, Millis again_in) {
  log_error("WAL cannot be shipped",
            {{"why", error.message()}, {"hint", error.hint()}, {"again_in_ms", again_in.count()}});
  board_.update([&](ReceiveStatus& status) { status.ship_error = problem_of(error, wall_now()); });
  store_.reset();
  const std::lock_guard lock(mutex_);
  const bool refused = error.code == ErrorCode::Refused || error.code == ErrorCode::WrongIdentity;
  refusal_ = refused ? std::optional(error) : std::nullopt;
}

Result<void> Shipper::ready_store(const ServerIdentity& server, const std::stop_token& stop) {
  if (!store_) {
    TRY(store, open_store(options_.store, stop));
    TRY_VOID(claim_archive(*store, {server.system_id, server.segment_bytes, wall_now()}));
    store_ = std::move(store);
    lease_renewed_at_ = {};
  }
  if (SteadyClock::now() - lease_renewed_at_ < kLeaseEvery) return {};
  return renew_lease(server);
}

// Whether the server went back in time is decided where the stream starts. What was heard of it
// last may be older than what another job of this machine put into the lease meanwhile.
Result<void> Shipper::renew_lease(const ServerIdentity& server) {
  const auto status = board_.status();
  StreamStart position{server.timeline, server.flushed};
  position = std::max(position, StreamStart{status.timeline, status.flushed_lsn});
  TRY(lease, read_lease(*store_));
  if (lease) position = std::max(position, StreamStart{lease->timeline, lease->last_lsn});
  TRY(writer, Writer::open(options_.state_dir));
  TRY_VOID(writer.renew(*store_, {position.timeline, position.lsn}));
  lease_renewed_at_ = SteadyClock::now();
  return {};
}

Result<void> Shipper::ship_all(const std::stop_token& stop) {
  TRY(files, list_spool(options_.spool, 0));
  std::uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.size_bytes;
  board_.update([bytes](ReceiveStatus& status) { status.spool_bytes = bytes; });
  std::optional<ServerIdentity> server;
  {
    const std::lock_guard lock(mutex_);
    server = server_;
  }
  for (const auto& file : files) {
    if (file.kind == SpoolFile::Kind::Partial || !server) continue;
    TRY_VOID(ready_store(*server, stop));
    TRY_VOID(ship(file, stop));
    bytes -= file.size_bytes;
    {
      const std::lock_guard lock(mutex_);
      refusal_.reset();
    }
    board_.update([&](ReceiveStatus& status) {
      status.spool_bytes = bytes;
      status.ship_error.reset();
      if (file.kind == SpoolFile::Kind::Complete) status.shipped_segment = file.name;
    });
  }
  return {};
}

Result<void> Shipper::ship(const SpoolFile& file, const std::stop_token& stop) {
  const auto path = options_.spool / file.name;
  Sha256 digest;
  TRY_VOID(read_through(path, stop, [&digest](ByteSpan bytes) -> Result<void> {
    digest.update(bytes);
    return {};
  }));
  const auto sha256 = digest.hex();
  const auto place = place_of(file);
  // Of an ended segment there may be several, each longer than the one before.
  const bool ended = file.kind == SpoolFile::Kind::Ended;
  const auto key = fmt::format("{}{}-{}", place.prefix, place.name, sha256);
  auto known = look_up(*store_, place.prefix, place.name, sha256);
  if (!known && !(ended && known.error().code == ErrorCode::Refused))
    return fail(std::move(known).error());
  if (!known || *known == InStore::Absent) TRY_VOID(write_object(file, key, sha256, stop));
  fault_point("receive-before-unspool");
  if (::unlink(path.c_str()) != 0)
    return fail_errno(errno, fmt::format("remove {}", path.native()));
  return {};
}

Result<void> Shipper::write_object(const SpoolFile& file, const std::string& key,
                                   const std::string& sha256, const std::stop_token& stop) {
  TRY(writer, EncodedWriter::create(*store_, key, options_.encoding, Replace::Never));
  TRY_VOID(read_through(options_.spool / file.name, stop,
                        [&writer](ByteSpan bytes) { return writer->write(bytes); }));
  TRY(stored, writer->finish());
  if (stored.plain_sha256 == sha256) return {};
  static_cast<void>(store_->remove(stored.key));
  return fail(ErrorCode::Io, fmt::format("{} changed while it was read", file.name));
}

}  // namespace pgkeel::archive
