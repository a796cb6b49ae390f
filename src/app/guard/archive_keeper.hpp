// Keeps the archive going: backups, drills and expiry as processes of their own, one at a time, and
// what status says about all of it. Does nothing while the guard is paused or only advises, or
// while the server is down or being repaired.
#pragma once

#include <map>

#include "app/guard/archive_schedule.hpp"
#include "app/guard/archive_troubles.hpp"
#include "incident/ledger.hpp"
#include "recover/conductor.hpp"
#include "sense/senses.hpp"
#include "serve/status.hpp"

namespace pgkeel::app {

class DumpKeeper;
class ShadowKeeper;

class ArchiveKeeper {
 public:
  ArchiveKeeper(const Config& config, runtime::Loop& loop, sense::Senses& senses,
                const recover::Conductor& conductor, const SlotKeeper& slot,
                incident::Ledger& ledger);

  /// Whose troubles are told with ours.
  void heed(const DumpKeeper* dumps) { dumps_ = dumps; }
  void heed(const ShadowKeeper* shadow) { shadow_ = shadow; }
  /// Runs for as long as the loop; returns at once when no archive is configured.
  runtime::Task<void> run();
  /// For status; none when no archive is configured. With the figures there are.
  [[nodiscard]] std::optional<serve::Protection> protection() const;
  /// What is wrong with it, one sentence each, for status and alerts; empty when all is well.
  [[nodiscard]] std::vector<sense::ArchiveTrouble> complaints() const;
  /// One disk holds the data and its only archive: the loss of it takes both.
  [[nodiscard]] bool shares_the_disk() const;
  [[nodiscard]] const ArchiveView& view() const { return view_; }

 private:
  runtime::Task<void> look();
  runtime::Task<void> do_job(ArchiveJob job);
  [[nodiscard]] bool may_work() const;
  [[nodiscard]] ServerView server() const;
  [[nodiscard]] std::optional<serve::ArchiveJobNow> job_now() const;
  void keep_history();
  void tell();
  runtime::Task<void> keep_telling();
  [[nodiscard]] bool keeps() const;  ///< there is an archive, and we may work on it
  [[nodiscard]] serve::ArchiveFigures figures() const;
  [[nodiscard]] ArchiveScene scene(const std::optional<archive::ReceiveStatus>& receiver) const;

  const Config& config_;
  runtime::Loop& loop_;
  sense::Senses& senses_;
  const recover::Conductor& conductor_;
  const SlotKeeper& slot_;
  incident::Ledger& ledger_;
  ArchiveView view_;
  ArchiveHistory history_;
  std::optional<ArchiveJob> running_;
  WallTime running_since_;
  const DumpKeeper* dumps_ = nullptr;
  const ShadowKeeper* shadow_ = nullptr;
  SteadyTime began_;
  std::map<std::string, SteadyTime> troubled_since_;  ///< by subject
  std::string listing_failure_;
};

/// The view in the answer of `pgkeel backup list --json`; Malformed.
[[nodiscard]] Result<ArchiveView> parse_backup_list(std::string_view json);

}  // namespace pgkeel::app
