// When the guard dumps, proves a dump and lets old ones go. Pure: what is known of the store's
// dumps and of earlier attempts in, the next job out. Where the connection may not replicate there
// are no base backups, and dumps are made whether they were asked for or not.
#pragma once

#include <optional>
#include <string>

#include "app/guard/archive_schedule.hpp"
#include "sense/observation.hpp"

namespace pgkeel::app {

enum class DumpJob { Dump, Drill, Expire, Copy, ExpireCopy };
[[nodiscard]] std::string_view to_string(DumpJob job);  ///< "dump now", as a command

/// What `pgkeel dump list --json` tells.
struct DumpsView {
  bool seen = false;
  int runs = 0;                       ///< failed ones too
  std::optional<WallTime> newest_at;  ///< of the newest with every database in it, good or doubted
  std::string newest_good;
  std::optional<WallTime> newest_good_at;
  bool proven = false;                 ///< the newest good one
  std::optional<WallTime> drilled_at;  ///< likewise
  std::optional<Millis> restore_took;
  std::string failure;  ///< of the newest run; empty: it is good
};
/// Malformed.
[[nodiscard]] Result<DumpsView> parse_dump_list(std::string_view json);

struct DumpHistory {
  JobHistory dump;
  JobHistory drill;
  JobHistory expire;
  JobHistory copy;
  JobHistory expire_copy;
};
[[nodiscard]] JobHistory& history_of(DumpHistory& history, DumpJob job);

/// A server somewhere else whose role may not replicate: base backups and WAL are not to be had.
/// False while the rights are not known yet.
[[nodiscard]] bool dumps_only(const Config& config, const sense::RightsFacts& rights);

/// How often; 0: never.
[[nodiscard]] Millis dump_interval(const ArchiveConfig& config, bool only_dumps);

/// The one that is due, or nothing. Retries as due_job() does.
[[nodiscard]] std::optional<DumpJob> due_dump_job(const DumpsView& view, bool only_dumps,
                                                  const DumpHistory& history,
                                                  const ArchiveConfig& config, WallTime now);

/// All the troubles look at; dumps are wanted.
struct DumpScene {
  const DumpsView& view;
  const DumpHistory& history;
  Millis every;  ///< as dump_interval() tells
  Millis drill_every;
  bool only_dumps = false;
  const std::string& listing_failure;  ///< empty: the store was read
  WallTime now;
};

/// What is wrong, without `since`; empty when all is well. One of each subject at most:
/// archive.dump, .dump_drill, .offsite, .dump_expire, .dump_expire_offsite. Texts and hints end
/// without a full stop.
[[nodiscard]] std::vector<sense::ArchiveTrouble> dump_troubles(const DumpScene& scene);

}  // namespace pgkeel::app
