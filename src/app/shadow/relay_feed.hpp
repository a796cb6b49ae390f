// The relay inside the receiver's process: begun as soon as there is an archive to stream from,
// however long that takes, and told of all WAL that is written. The receiver never waits for it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "app/config.hpp"
#include "shadow/relay/relay.hpp"

namespace pgkeel::app {

class RelayFeed {
 public:
  /// `config` outlives it.
  explicit RelayFeed(const Config& config);
  ~RelayFeed();
  RelayFeed(const RelayFeed&) = delete;
  RelayFeed& operator=(const RelayFeed&) = delete;

  /// See archive::ReceiveRequest::on_written.
  void written(TimelineId timeline, Lsn end);

 private:
  void run(const std::stop_token& stop);
  void keep_trying(const std::stop_token& stop);
  [[nodiscard]] bool try_once(std::string& said);
  void show(const std::stop_token& stop) const;
  [[nodiscard]] Result<std::unique_ptr<shadow::Relay>> start() const;

  const Config& config_;
  std::mutex mutex_;                      // guards what follows; held for moments only
  std::unique_ptr<shadow::Relay> relay_;  // once it is there it stays
  std::optional<std::pair<TimelineId, Lsn>> newest_;
  std::jthread thread_;
};

}  // namespace pgkeel::app
