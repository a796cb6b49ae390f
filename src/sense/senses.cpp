// See senses.hpp.
#include "sense/senses.hpp"

#include <algorithm>

#include "sense/catalog_watch.hpp"
#include "sense/collation_watch.hpp"
#include "sense/engine_watch.hpp"
#include "sense/files_look.hpp"
#include "sense/host_watch.hpp"
#include "sense/log_watch.hpp"
#include "sense/login_probe.hpp"
#include "sense/process_watch.hpp"
#include "sense/visit.hpp"

namespace pgkeel::sense {
namespace {

constexpr Millis kLookAgain{20};  // a quiet look changes nothing and wakes nobody

}  // namespace

Senses::Senses(runtime::Loop& loop, instance::Instance& instance, Options options)
    : instance_(instance), board_(loop, std::move(options)) {
  board_.seen.reach = instance_.capabilities();
  board_.seen.probes_writes = board_.options.write_every > Millis{0};
}

void Senses::start() {
  if (has_host()) board_.loop.spawn(watch_process(&board_, &instance_));
  if (has_host()) board_.loop.spawn(watch_host(&board_, &instance_));
  if (instance_.kind() == instance::Kind::Container) {
    board_.loop.spawn(watch_hosting(&board_, &instance_));
    board_.loop.spawn(watch_engine(&board_, &instance_, board_.options.engine_events_since));
  }
  if (!board_.options.keeps_sessions()) {
    board_.loop.spawn(pay_visits(&board_));
    return;
  }
  if (has_host()) board_.loop.spawn(watch_collations(&board_));
  if (has_host()) board_.loop.spawn(watch_server_log(&board_, &instance_));
  board_.loop.spawn(probe_logins(&board_));
  board_.loop.spawn(watch_catalog(&board_));
}

bool Senses::has_host() const { return instance_.kind() != instance::Kind::Remote; }

bool Senses::all_looked_since(SteadyTime asked) const {
  const auto& seen = board_.seen;
  const bool wrote = seen.write.ok() || seen.login.in_recovery || !seen.probes_writes;
  const auto checked = [asked](const auto& listing) { return listing.second.checked_at >= asked; };
  return seen.login.at >= asked && wrote && seen.catalog.at >= asked &&
         std::ranges::all_of(seen.catalog.listings, checked);
}

runtime::Task<void> Senses::look_now(SteadyTime deadline) {
  const auto asked = board_.loop.now();
  poke();
  while (board_.loop.now() < deadline && !all_looked_since(asked)) {
    static_cast<void>(
        co_await board_.changed.wait_until(std::min(deadline, board_.loop.after(kLookAgain))));
  }
}

void Senses::note_start(StartFacts facts) {
  if (facts.failed) board_.error_output.clear();  // our own start writes to the usual place
  board_.seen.start = std::move(facts);
  board_.changed.notify_all();
  poke();
}

// An interval may be over soon: whoever decides is woken.
void Senses::note_sync(SyncFacts facts) {
  const auto open = [](const SyncFacts& sync) {
    return sync.unprotected && !sync.unprotected->until;
  };
  const bool news = open(facts) != open(board_.seen.sync);
  board_.seen.sync = std::move(facts);
  if (news) board_.changed.notify_all();
}

void Senses::set_mended(std::map<std::string, WallTime> mended) {
  board_.mended = std::move(mended);
  std::erase_if(board_.seen.log_watch.trouble,
                [this](const auto& seen) { return is_mended(board_, seen.event); });
}

std::vector<pg::DdlLine> Senses::take_ddl() {
  std::vector<pg::DdlLine> lines(std::make_move_iterator(board_.ddl_unkept.begin()),
                                 std::make_move_iterator(board_.ddl_unkept.end()));
  board_.ddl_unkept.clear();
  return lines;
}

std::filesystem::path Senses::server_log() const { return log_of(board_, instance_); }

runtime::Task<void> Senses::look_at_files() {
  if (!has_host()) co_return;
  if (board_.seen.process.state == ProcessState::Absent)
    co_await look_at_dead_server(&board_, &instance_);
  else look_at_data_dir(board_, instance_);
}

}  // namespace pgkeel::sense
