// All senses together. They run from start() for as long as the loop and write one Observation; the
// guard waits for `changed` and reads it. Nothing here decides or changes anything.
#pragma once

#include <memory>

#include "instance/instance.hpp"
#include "sense/board.hpp"

namespace pgkeel::sense {

class Senses {
 public:
  Senses(runtime::Loop& loop, instance::Instance& instance, Options options);

  void start();

  [[nodiscard]] const Observation& observation() const { return board_.seen; }
  [[nodiscard]] runtime::Event& changed() { return board_.changed; }
  [[nodiscard]] const pg::Conninfo& conninfo() const { return board_.options.conninfo; }

  /// Where the server logs now: its collector's file, or what the guard starts it with.
  [[nodiscard]] std::filesystem::path server_log() const;

  /// Asks every sense to look now.
  void poke() { board_.poked.notify_all(); }
  /// Looks at everything once more and returns when login, write and catalog are newer than the
  /// call, or at the deadline.
  runtime::Task<void> look_now(SteadyTime deadline);

  /// What goes on inside was changed by the guard: the next look counts, not the last one.
  void forget_activity() { board_.seen.activity.at = {}; }

  /// The record of DDL read since the last call, the oldest first.
  [[nodiscard]] std::vector<pg::DdlLine> take_ddl();

  /// The executor's own start attempt, seen from outside as nothing but a process.
  void note_start(StartFacts facts);
  /// What the guard's own keepers know of the archive.
  void note_archive(ArchiveFacts facts) { board_.seen.archive = std::move(facts); }
  void note_sync(SyncFacts facts);
  /// The configuration the server last ran well with.
  void set_good_files(std::vector<GoodFile> files) { board_.good_files = std::move(files); }
  /// What the log told of these up to then is answered: "shop: orders_pkey".
  void set_mended(std::map<std::string, WallTime> mended);
  /// A fresh look at the files of a server that does not run.
  runtime::Task<void> look_at_files();

 private:
  [[nodiscard]] bool all_looked_since(SteadyTime asked) const;
  [[nodiscard]] bool has_host() const;  ///< process and files are somewhere we can look at

  instance::Instance& instance_;
  Board board_;
};

}  // namespace pgkeel::sense
