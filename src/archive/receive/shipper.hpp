// Takes what is whole from the spool into the store, oldest first, on a thread of its own with a
// store handle of its own: receiving never waits for compression or upload.
// It guarantees: a file leaves the spool only when its object is durable; the same WAL twice is
// fine, the same name with other bytes stops shipping with an error and replaces nothing; nothing
// is shipped past something that could not be; nothing at all while the archive is another
// cluster's or another machine writes it (marker and lease). Nothing is kept in the spool
// afterwards: the store answers as fast as the spool would.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "archive/codec/encoded.hpp"
#include "archive/receive/server.hpp"
#include "archive/receive/spool_listing.hpp"
#include "archive/receive/status_board.hpp"
#include "archive/storage/open.hpp"

namespace pgkeel::archive {

struct ShipperOptions {
  std::filesystem::path spool;
  StoreAddress store;
  Encoding encoding;
  std::filesystem::path state_dir;  ///< of the writer's identity
};

class Shipper {
 public:
  Shipper(ShipperOptions options, StatusBoard& board);
  /// Stops in the middle of an object, which then never was.
  ~Shipper();
  Shipper(const Shipper&) = delete;
  Shipper& operator=(const Shipper&) = delete;

  /// There may be something new.
  void look();
  /// The server the WAL comes from; nothing is shipped before it is known.
  void server_is(const ServerIdentity& server);
  /// Why this store must not be written from here; none: it may. What is refused is tried again
  /// now and then.
  [[nodiscard]] std::optional<Error> refusal() const;

 private:
  void run(const std::stop_token& stop);
  void rest(const std::stop_token& stop, Millis limit);
  Result<void> ship_all(const std::stop_token& stop);
  Result<void> ready_store(const ServerIdentity& server, const std::stop_token& stop);
  Result<void> renew_lease(const ServerIdentity& server);
  void failed(const Error& error, Millis again_in);
  Result<void> ship(const SpoolFile& file, const std::stop_token& stop);
  Result<void> write_object(const SpoolFile& file, const std::string& key,
                            const std::string& sha256, const std::stop_token& stop);

  ShipperOptions options_;
  StatusBoard& board_;
  std::unique_ptr<Store> store_;
  SteadyTime lease_renewed_at_{};
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool something_new_ = false;
  std::optional<ServerIdentity> server_;
  std::optional<Error> refusal_;
  std::jthread thread_;
};

}  // namespace pgkeel::archive
