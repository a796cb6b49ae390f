// See host_watch.hpp.
#include "sense/host_watch.hpp"

#include <memory>

#include "base/log.hpp"
#include "sense/host_look.hpp"

namespace pgkeel::sense {
namespace {

using runtime::Task;

constexpr Millis kLookEvery{10'000};
constexpr Millis kInDoubtEvery{2'000};
constexpr Millis kApartMin{500};  // however often somebody asks

Task<void> run_look(Board* board, std::shared_ptr<HostLook> look, runtime::Event* ended) {
  co_await board->loop.run_blocking([look] { look->run(); });
  ended->notify_all();
}

void watch_clock(ClockWatch& clock, HostFacts& facts, const HostFacts& before) {
  facts.clock_jump = clock.look(wall_now(), SteadyClock::now());
  if (!facts.clock_jump) {
    facts.clock_jump = before.clock_jump;
    return;
  }
  log_warning("the machine's clock was moved, or it slept",
              {{"by_ms", facts.clock_jump->by.count()},
               {"hint", "times of the log and of a restore's target may be off by that much"}});
}

void note(Board& board, HostFacts facts) {
  facts.at = board.loop.now();
  facts.seen = true;
  board.seen.host = std::move(facts);
  if (board.in_doubt()) board.changed.notify_all();
}

// A look that still hangs says nothing of now.
HostFacts outdated(HostFacts found) {
  HostFacts facts;
  facts.booted_at = found.booted_at;
  facts.spaces = std::move(found.spaces);
  for (auto& space : facts.spaces)
    if (space.known()) space.unavailable = "not looked at while another place does not answer";
  return facts;
}

HostPlaces places_of(const Board& board, const instance::Instance& instance) {
  const auto& process = board.seen.process;
  const bool runs =
      process.state == ProcessState::Running || process.state == ProcessState::Stopped;
  return {.data_dir = instance.data_dir(),
          .pid = runs ? process.pid : 0,
          .in_container = instance.kind() == instance::Kind::Container};
}

Task<void> rest(Board* board) {
  const auto looked = board->loop.now();
  const auto every = board->in_doubt() ? kInDoubtEvery : kLookEvery;
  const auto asked = co_await board->poked.wait_until(looked + every);
  const auto earliest = looked + kApartMin;
  if (asked && board->loop.now() < earliest)
    static_cast<void>(co_await board->loop.sleep_until(earliest));
}

}  // namespace

Task<void> watch_host(Board* board, instance::Instance* instance) {
  runtime::Event ended(board->loop);
  std::shared_ptr<HostLook> look;
  ClockWatch clock;
  while (true) {
    const bool fresh = !look || look->finished();
    if (fresh) {
      look = std::make_shared<HostLook>(places_of(*board, *instance));
      board->loop.spawn(run_look(board, look, &ended));
    }
    const auto deadline = board->loop.after(board->options.timeout);
    while (!look->finished() && board->loop.now() < deadline)
      static_cast<void>(co_await ended.wait_until(deadline));
    auto facts = look->so_far();
    if (!fresh && !look->finished()) facts = outdated(std::move(facts));
    watch_clock(clock, facts, board->seen.host);
    note(*board, std::move(facts));
    co_await rest(board);
  }
}

}  // namespace pgkeel::sense
