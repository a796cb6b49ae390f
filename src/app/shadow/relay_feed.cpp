// See relay_feed.hpp.
#include "app/shadow/relay_feed.hpp"

#include <condition_variable>

#include "app/archive/copy_programs.hpp"
#include "app/archive/tools.hpp"
#include "app/shadow/places.hpp"
#include "archive/catalog/marker.hpp"
#include "base/log.hpp"
#include "shadow/relay/status.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr Seconds kTryEvery{2};
constexpr Seconds kShowEvery{1};
constexpr const char* kCache = "relay";  // in the state directory

Result<void> make_places(const Config& config) {
  TRY(account, copy_account(config));
  TRY_VOID(runtime::ensure_directory(shadow_run_directory(config),
                                     {.mode = 0750, .owner = std::move(account)}));
  return runtime::ensure_directory(config.state_dir / kCache, {.mode = 0700, .owner = {}});
}

// False when told to stop meanwhile.
bool rest(const std::stop_token& stop, Seconds limit) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, limit, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

RelayFeed::RelayFeed(const Config& config)
    : config_(config), thread_([this](const std::stop_token& stop) { run(stop); }) {}

RelayFeed::~RelayFeed() {
  thread_.request_stop();
  thread_.join();
}

void RelayFeed::written(TimelineId timeline, Lsn end) {
  const std::scoped_lock lock(mutex_);
  if (relay_) relay_->received(timeline, end);
  else newest_.emplace(timeline, end);
}

void RelayFeed::run(const std::stop_token& stop) {
  try {
    keep_trying(stop);
  } catch (const std::exception& error) {  // out of memory; the receiver goes on
    log_error("no relay", {{"why", error.what()}});
  }
}

void RelayFeed::keep_trying(const std::stop_token& stop) {
  std::string said;
  while (!try_once(said))
    if (!rest(stop, kTryEvery)) return;
  show(stop);
}

bool RelayFeed::try_once(std::string& said) {
  auto relay = start();
  if (!relay) {
    if (const auto why = relay.error().message(); why != said) {
      log_info("not relaying WAL yet", {{"why", why}});
      said = why;
    }
    return false;
  }
  log_info("relaying WAL", {{"socket", (*relay)->socket().string()}});
  const std::scoped_lock lock(mutex_);
  relay_ = *std::move(relay);
  if (newest_) relay_->received(newest_->first, newest_->second);
  return true;
}

void RelayFeed::show(const std::stop_token& stop) const {
  std::string shown;
  do {
    auto status = shadow::to_json(relay_->standbys());
    if (status != shown &&
        runtime::write_file_atomic(config_.state_dir / shadow::kRelayStatusFile, status))
      shown = std::move(status);
  } while (rest(stop, kShowEvery));
}

// Not before the archive knows whose it is.
Result<std::unique_ptr<shadow::Relay>> RelayFeed::start() const {
  TRY(tools, open_archive(config_));
  TRY(marker, archive::read_marker(*tools.store));
  if (!marker) return fail(ErrorCode::WrongState, "the archive is empty");
  TRY_VOID(make_places(config_));
  shadow::RelayOptions options;
  options.directory = shadow_run_directory(config_);
  options.system_id = marker->system_id;
  options.places = {tools.incoming, config_.state_dir / kCache, tools.address, tools.keys,
                    marker->wal_segment_bytes};
  return shadow::Relay::start(std::move(options));
}

}  // namespace pgkeel::app
