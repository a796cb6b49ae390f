// Keeps the archive going: backups, drills and expiry as processes of their own, one at a time, and
// what status says about all of it. Does nothing while the guard is paused or only advises, or
// while the server is down or being repaired.
#pragma once

#include "app/guard/archive_schedule.hpp"
#include "recover/conductor.hpp"
#include "sense/senses.hpp"
#include "serve/status.hpp"

namespace pgkeel::app {

class ArchiveKeeper {
 public:
  ArchiveKeeper(const Config& config, runtime::Loop& loop, const sense::Senses& senses,
                const recover::Conductor& conductor)
      : config_(config), loop_(loop), senses_(senses), conductor_(conductor) {}

  /// Runs for as long as the loop; returns at once when no archive is configured.
  runtime::Task<void> run();
  /// For status; none when no archive is configured.
  [[nodiscard]] std::optional<serve::Protection> protection() const;
  /// What is wrong with it, one sentence each, for status and alerts; empty when all is well.
  [[nodiscard]] std::vector<std::string> complaints() const;
  /// One disk holds the data and its only archive: the loss of it takes both.
  [[nodiscard]] bool shares_the_disk() const;
  [[nodiscard]] const ArchiveView& view() const { return view_; }

 private:
  runtime::Task<void> look();
  runtime::Task<void> do_job(ArchiveJob job);
  [[nodiscard]] bool may_work() const;
  [[nodiscard]] ServerView server() const;
  [[nodiscard]] JobHistory& history_of(ArchiveJob job);

  const Config& config_;
  runtime::Loop& loop_;
  const sense::Senses& senses_;
  const recover::Conductor& conductor_;
  ArchiveView view_;
  ArchiveHistory history_;
  std::optional<ArchiveJob> running_;
  std::string listing_failure_;
};

/// The view in the answer of `pgkeel backup list --json`; Malformed.
[[nodiscard]] Result<ArchiveView> parse_backup_list(std::string_view json);

}  // namespace pgkeel::app
