// Takes what is whole from the spool into the store, oldest first, on a thread of its own with a
// store handle of its own: receiving never waits for compression or upload.
// It guarantees: a file leaves the spool only when its object is durable; the same WAL twice is
// fine, the same name with other bytes stops shipping with an error and replaces nothing; nothing
// is shipped past something that could not be. Nothing is kept in the spool afterwards: the store
// answers as fast as the spool would.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "archive/codec/encoded.hpp"
#include "archive/receive/spool_listing.hpp"
#include "archive/receive/status_board.hpp"
#include "archive/storage/open.hpp"

namespace pgkeel::archive {

struct ShipperOptions {
  std::filesystem::path spool;
  StoreAddress store;
  Encoding encoding;
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

 private:
  void run(const std::stop_token& stop);
  void rest(const std::stop_token& stop, Millis limit);
  Result<void> ship_all(const std::stop_token& stop);
  Result<void> ship(const SpoolFile& file, const std::stop_token& stop);
  Result<void> write_object(const SpoolFile& file, const std::string& key,
                            const std::string& sha256, const std::stop_token& stop);

  ShipperOptions options_;
  StatusBoard& board_;
  std::unique_ptr<Store> store_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool something_new_ = false;
  std::jthread thread_;
};

}  // namespace pgkeel::archive
