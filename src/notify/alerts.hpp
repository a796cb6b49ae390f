// Calling a human: joins the rules (board.hpp), the spool (incident/alert_store.hpp) and the
// channels. What has to be said is on disk together with the note that it was said, before anything
// is sent; a new guard takes up where the last one ended, comparing with the journal.
// It never stands in the way of a repair: the conductor's news is taken at once, and written and
// sent when the loop has time. When the disk takes nothing, messages go out from memory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "incident/alert_store.hpp"
#include "incident/journal.hpp"
#include "notify/board.hpp"
#include "notify/deadman.hpp"
#include "notify/incident_listener.hpp"
#include "notify/sender.hpp"
#include "runtime/task_group.hpp"

namespace pgkeel::notify {

struct AlertsOptions {
  std::vector<ChannelOptions> channels;
  /// Channels by the age of the incident at which they hear of it; one that is in none hears at
  /// once.
  std::map<Millis, std::vector<std::string>> escalate;
  Origin origin;
  Objection objection;  ///< for the dead-man ping, besides the alerts' own troubles
};

/// Which channel hears what when; "log" included when [escalate] names it.
[[nodiscard]] std::vector<Audience> audience_of(const AlertsOptions& options);

class Alerts final : public IncidentListener {
 public:
  Alerts(runtime::Loop& loop, incident::Store& store, incident::Journal& journal,
         AlertsOptions options);
  ~Alerts() override;

  /// What was said and what is unfinished, from disk. Before start().
  Result<void> resume();
  void start();

  void incident_changed(const incident::Incident& incident, std::string_view note) override;

  [[nodiscard]] std::vector<ChannelStatus> status() const;
  /// Why alerts cannot be relied on now; empty when they can.
  [[nodiscard]] std::string trouble() const;

 private:
  runtime::Task<void> pump();
  void say_what_is_due();
  void spool(const std::vector<Notice>& notices);
  void take_from_journal(const std::string& id);
  Sender* sender_of(std::string_view channel);

  runtime::Loop& loop_;
  incident::AlertStore store_;
  incident::Journal& journal_;
  Board board_;
  runtime::WebClient client_;
  runtime::Event news_;
  std::vector<std::unique_ptr<Sender>> senders_;
  std::vector<std::unique_ptr<Deadman>> deadmen_;
  std::vector<std::string> over_;  // incidents the disk need not know any more
  std::string spool_failure_;
  runtime::TaskGroup tasks_;  // ended before what they use
};

}  // namespace pgkeel::notify
