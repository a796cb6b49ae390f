// What `notify` keeps on disk: the spool of messages not yet delivered, one queue a channel, and
// what has been said about each incident, so that a new guard neither repeats nor forgets it.
// A message is here before it is sent and gone before the next one of its channel is. The spool is
// bounded; what it drops is counted for the channel until somebody has been told.
// Contents are opaque here; they must hold no secret.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::incident {

class Store;

/// All channels together. A message is below 8 kB; this is weeks of trouble with a dead channel.
inline constexpr std::int64_t kSpooledMax = 500;
inline constexpr std::int64_t kSpooledBytesMax = 2 << 20;

/// How dear a message is when the spool is full; the least goes first, the oldest of them first.
enum class AlertWorth { Over, Information, Reminder, Call };

struct SpooledAlert {
  std::int64_t id = 0;
  std::string channel;
  AlertWorth worth = AlertWorth::Call;
  WallTime at;
  std::string content;
};

/// What goes to disk in one transaction.
struct AlertWrite {
  std::vector<SpooledAlert> messages;       ///< ids are ignored
  std::map<std::string, std::string> said;  ///< by incident: replaces
  std::vector<std::string> over;            ///< incidents of which nothing needs to be known
};

struct SpoolDepth {
  std::int64_t messages = 0;
  std::int64_t dropped = 0;  ///< not yet told
  std::optional<WallTime> oldest;
};

class AlertStore {
 public:
  explicit AlertStore(Store& store) : store_(&store) {}

  /// On disk when it returns; the number of older messages that had to go for it.
  Result<std::int64_t> write(const AlertWrite& change);
  /// The channel's oldest message.
  [[nodiscard]] Result<std::optional<SpooledAlert>> next(std::string_view channel) const;
  /// Delivered, and with it the news of what was dropped before.
  Result<void> remove(const SpooledAlert& message);
  [[nodiscard]] Result<SpoolDepth> depth(std::string_view channel) const;
  [[nodiscard]] Result<std::map<std::string, std::string>> said() const;
  /// Messages of channels that are configured no more.
  Result<std::int64_t> keep_only(const std::vector<std::string>& channels);

 private:
  Store* store_;
};

}  // namespace pgkeel::incident
