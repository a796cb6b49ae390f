// See shipper.hpp.
#include "archive/receive/shipper.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"
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
constexpr int kNice = 10;  // receiving comes first

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
  if (file.kind == SpoolFile::Kind::Ended) name += kPartialSuffix;
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

void Shipper::run(const std::stop_token& stop) {
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, kNice));  // on Linux: of this thread
  auto backoff = kBackoffLeast;
  while (!stop.stop_requested()) {
    const auto shipped = ship_all(stop);
    if (shipped || stop.stop_requested()) {
      backoff = kBackoffLeast;
      rest(stop, kLookEvery);
      continue;
    }
    log_error("WAL cannot be shipped", {{"why", shipped.error().message()},
                                        {"hint", shipped.error().hint()},
                                        {"again_in_ms", backoff.count()}});
    board_.update([&](ReceiveStatus& status) {
      status.ship_error = problem_of(shipped.error(), wall_now());
    });
    store_.reset();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, backoff, [] { return false; });
    backoff = std::min(backoff * 2, kBackoffMost);
  }
}

Result<void> Shipper::ship_all(const std::stop_token& stop) {
  TRY(files, list_spool(options_.spool, 0));
  std::uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.size_bytes;
  board_.update([bytes](ReceiveStatus& status) { status.spool_bytes = bytes; });
  for (const auto& file : files) {
    if (file.kind == SpoolFile::Kind::Partial) continue;
    TRY_VOID(ship(file, stop));
    bytes -= file.size_bytes;
    board_.update([&](ReceiveStatus& status) {
      status.spool_bytes = bytes;
      status.ship_error.reset();
      if (file.kind == SpoolFile::Kind::Complete) status.shipped_segment = file.name;
    });
  }
  return {};
}

Result<void> Shipper::ship(const SpoolFile& file, const std::stop_token& stop) {
  if (!store_) {
    TRY(store, open_store(options_.store));
    store_ = std::move(store);
  }
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
