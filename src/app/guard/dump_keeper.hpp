// Keeps logical dumps going: dumps, drills and expiry as processes of their own, one at a time, and
// what status says about them. Does nothing while the guard is paused or only advises, or while the
// server is down or being repaired.
#pragma once

#include "app/guard/dump_schedule.hpp"
#include "recover/conductor.hpp"
#include "sense/senses.hpp"
#include "serve/status.hpp"

namespace pgkeel::app {

class DumpKeeper {
 public:
  DumpKeeper(const Config& config, runtime::Loop& loop, const sense::Senses& senses,
             const recover::Conductor& conductor)
      : config_(config), loop_(loop), senses_(senses), conductor_(conductor) {}

  /// Runs for as long as the loop; returns at once when no archive is configured.
  runtime::Task<void> run();
  /// Whether dumps are all there is: base backups and WAL cannot be had.
  [[nodiscard]] bool alone() const;
  /// For status, in place of the archive's own, when alone().
  [[nodiscard]] serve::Protection protection() const;
  /// What is wrong with the dumps, for status and alerts; empty when none are wanted.
  [[nodiscard]] std::vector<sense::ArchiveTrouble> troubles() const;
  /// Whether a trouble that is not listed is not there.
  [[nodiscard]] bool looked() const;

 private:
  runtime::Task<void> look();
  runtime::Task<void> do_job(DumpJob job);
  [[nodiscard]] bool may_work() const;
  [[nodiscard]] bool wanted() const;
  [[nodiscard]] serve::ArchiveFigures figures() const;

  const Config& config_;
  runtime::Loop& loop_;
  const sense::Senses& senses_;
  const recover::Conductor& conductor_;
  DumpsView view_;
  DumpHistory history_;
  std::string listing_failure_;
};

}  // namespace pgkeel::app
