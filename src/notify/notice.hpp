// One message to one channel, before it has the channel's form. It is what the spool holds, as
// JSON; written by this program, but read back from a disk, so reading refuses what is malformed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "incident/model.hpp"

namespace pgkeel::notify {

/// Why it is said. All but Resolved and Test are the incident firing.
enum class Reason { Opened, Worse, Waiting, Escalated, Reminder, Acknowledged, Resolved, Test };
[[nodiscard]] std::string_view to_string(Reason reason);

struct Notice {
  std::string channel;
  Reason reason = Reason::Opened;
  std::string incident;
  std::string cause;
  std::string subject;
  incident::Severity severity = incident::Severity::Critical;
  std::string summary;            ///< one sentence
  std::string note;               ///< what is waited for, how it ended; may be empty
  std::string command;            ///< what a person types next; empty when nothing is to be done
  std::string acked_by;           ///< who looks after it; empty while nobody does
  std::vector<std::string> loss;  ///< in words; empty when nothing is known to be lost
  WallTime opened_at;
  std::optional<WallTime> ended_at;  ///< of Resolved
  WallTime at;                       ///< when there was reason to say it; sending may be later

  [[nodiscard]] bool resolved() const { return reason == Reason::Resolved; }
  friend bool operator==(const Notice&, const Notice&) = default;
};

/// What every channel says beside the notice itself.
struct Origin {
  std::string instance;      ///< "managed postgresql@15-main at /var/lib/postgresql/15/main"
  std::string host;          ///< the machine's name
  std::int64_t dropped = 0;  ///< older messages of this channel that had to go
  /// Where the evidence of incidents lies, ID.json each; empty: not said.
  std::string evidence_dir = {};
};

/// What a person types next: the command the note names, else the cause's own when a human is
/// waited for, else the one that shows the incident.
[[nodiscard]] std::string next_command(const incident::Incident& incident, std::string_view note);

/// Whether the journal knows it under this id: one it did not take has another.
[[nodiscard]] bool is_journaled(std::string_view incident);

/// "pgkeel incident report ID --bundle FILE, of what was kept in DIR/ID.json"; empty of no
/// incident.
[[nodiscard]] std::string bundle_words(const Notice& notice, const Origin& origin);

/// "[critical] table_dropped: shop.public.orders", "[resolved] ...".
[[nodiscard]] std::string headline(const Notice& notice);
/// Plain text of a few lines, for channels that people read. `now` is when it is sent.
[[nodiscard]] std::string text_of(const Notice& notice, const Origin& origin, WallTime now);

[[nodiscard]] std::string to_json_text(const Notice& notice);
[[nodiscard]] Result<Notice> notice_from_json(std::string_view text);  ///< Malformed

/// A message that says it is a test; `reason` is Test, or Resolved for those who keep alerts.
[[nodiscard]] Notice test_notice(std::string channel, Reason reason, WallTime now);

}  // namespace pgkeel::notify
