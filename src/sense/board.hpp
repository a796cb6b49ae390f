// What the probes share: the Observation they write, an event that says it changed, one that asks
// them to look now, and whether something looks wrong. All on the loop's thread.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "runtime/loop.hpp"
#include "sense/observation.hpp"
#include "sense/options.hpp"

namespace pgkeel::sense {

struct Board {
  Board(runtime::Loop& the_loop, Options the_options)
      : loop(the_loop), options(std::move(the_options)), changed(the_loop), poked(the_loop) {}

  runtime::Loop& loop;
  Options options;
  Observation seen;
  std::vector<GoodFile> good_files;
  /// What was mended since the log told of it: "shop: orders_pkey", up to when it is answered.
  std::map<std::string, WallTime> mended;
  std::deque<pg::DdlLine> ddl_unkept;   ///< not yet taken by who keeps them
  std::filesystem::path collected_log;  ///< where the logging collector writes, when it does
  std::filesystem::path error_output;   ///< the file the server's stderr is, when it is one
  SystemId cluster;                     ///< the last one whose control file was read
  SteadyTime expected_until;            ///< an engine has just begun to start the server
  SteadyTime missed_until;              ///< something went, and may be asked for
  runtime::Event changed;               ///< a fact is new
  runtime::Event poked;                 ///< look now

  [[nodiscard]] bool in_doubt() const { return !seen.healthy(); }
  /// As far as can be told; where no process can be seen, logins tell.
  [[nodiscard]] bool server_runs() const {
    if (!seen.reach.sees_process && seen.process.state == ProcessState::Unknown) return true;
    return seen.process.state == ProcessState::Running;
  }
  /// A smart shutdown waits for every session, so ours must go.
  [[nodiscard]] bool server_stops() const { return seen.process.stopping; }

  /// Waits for the interval or a poke, whichever comes first.
  runtime::Task<void> pause(Millis interval) {
    static_cast<void>(co_await poked.wait_until(loop.in_step(interval)));
  }
};

/// What a migration of thousands of tables writes before it is taken; then the oldest go.
inline constexpr std::size_t kDdlUnkeptMax = 10'000;

/// Notes a probe's result with its time, and wakes whoever follows the board.
void note_probe(Board& board, ProbeFacts& facts, ProbeResult result, SteadyTime started,
                std::string sqlstate = {}, std::string note = {});

}  // namespace pgkeel::sense
