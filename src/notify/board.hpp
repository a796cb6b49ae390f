// Who hears of which incident, when, and how often: the rules, without I/O and without a clock.
// An incident is said to a channel once when it reaches the channel's age in [escalate] (at once
// where none is given), once more when a human is needed, when it becomes more severe and at every
// further age; it is repeated while it lasts, a bounded number of times; that it is over is said
// once, to those who were told. One of severity info (a stop by the operator) is said once.
// Once a person acknowledges it, it escalates no further and is repeated no more; those who were
// told hear by whom, and still that it gets worse, that a human is needed and that it is over.
// What was said is handed out as text and taken back, so that a new guard goes on where one ended.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "notify/notice.hpp"

namespace pgkeel::notify {

/// A week of the default interval. Who has not reacted by then does not read the channel.
inline constexpr int kRemindersMax = 42;
/// Incidents remembered at once; far above what one server can have open.
inline constexpr std::size_t kIncidentsTracked = 200;

struct Audience {
  std::string channel;
  incident::Severity least = incident::Severity::Warning;
  std::vector<Millis> ages{Millis(0)};     ///< of the incident, when to tell; ascending
  Millis repeat_every{Seconds(4 * 3600)};  ///< zero: never
};

class Board {
 public:
  explicit Board(std::vector<Audience> audience) : audience_(std::move(audience)) {}

  /// News of an incident; nothing is said before due().
  void take(const incident::Incident& incident, std::string_view note, WallTime now);
  /// All that has to be said by `now`, oldest incident first. Each is handed out once.
  [[nodiscard]] std::vector<Notice> due(WallTime now);
  /// When due() will have something if nothing happens; nothing when never.
  [[nodiscard]] std::optional<WallTime> next_due() const;

  /// What was said about an incident, for the disk; empty when nothing needs to be known.
  [[nodiscard]] std::string said(const std::string& incident) const;
  /// The other way round; what cannot be read is ignored (it is said again, once).
  void remember(const std::string& incident, std::string_view said);
  [[nodiscard]] std::vector<std::string> incidents() const;

 private:
  struct Told {
    std::size_t ages = 0;  ///< how many of the audience's ages were told
    int reminders = 0;
    bool waiting = false;
    bool acked = false;
    incident::Severity severity = incident::Severity::Info;
    WallTime last_at;
  };
  struct Case {
    incident::Incident head;
    std::string note;
    bool waiting = false;
    std::optional<WallTime> ended_at;
    std::map<std::string, Told> told;  ///< by channel
  };
  [[nodiscard]] static std::optional<Reason> reason_now(const Case& open, const Audience& to,
                                                        WallTime now);
  [[nodiscard]] static std::optional<Reason> reason_acked(const Case& open, const Told& said);
  [[nodiscard]] static std::optional<WallTime> next_for(const Case& open, const Audience& to);
  static void mark(Case& open, const Audience& to, Reason reason, WallTime now);
  void forget_over();

  std::vector<Audience> audience_;
  std::map<std::string, Case> cases_;  // ids sort by age
};

}  // namespace pgkeel::notify
