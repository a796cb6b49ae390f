// See board.hpp.
#include "sense/board.hpp"

namespace pgkeel::sense {

std::string_view to_string(ProbeResult result) {
  switch (result) {
    case ProbeResult::NotYet: return "not yet";
    case ProbeResult::Ok: return "ok";
    case ProbeResult::Refused: return "refused";
    case ProbeResult::TimedOut: return "timed out";
    case ProbeResult::Rejected: return "rejected";
  }
  return "not yet";
}

void note_probe(Board& board, ProbeFacts& facts, ProbeResult result, SteadyTime started,
                std::string sqlstate, std::string note) {
  const auto now = board.loop.now();
  facts.result = result;
  facts.at = now;
  facts.wall = wall_now();
  facts.took = std::chrono::duration_cast<Millis>(now - started);
  facts.sqlstate = std::move(sqlstate);
  facts.note = std::move(note);
  facts.failures = result == ProbeResult::Ok ? 0 : facts.failures + 1;
  if (result == ProbeResult::Ok) {
    facts.last_ok_at = now;
    facts.ever_ok = true;
  }
  board.changed.notify_all();
}

}  // namespace pgkeel::sense
