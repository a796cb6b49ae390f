// See files_look.hpp.
#include "sense/files_look.hpp"

#include "runtime/files.hpp"
#include "sense/server_log.hpp"

namespace pgkeel::sense {
namespace {

// For pauses and second containers; a death looks at once.
constexpr Seconds kHostingEvery{30};
constexpr Seconds kHostingInDoubt{2};
constexpr std::size_t kConfigBytesMax = 1U << 20U;

std::vector<std::string> changed_files(const std::vector<GoodFile>& good_files) {
  std::vector<std::string> changed;
  for (const auto& good : good_files) {
    const auto now = runtime::read_file(good.path, kConfigBytesMax);
    if (!now || *now != good.content) changed.push_back(good.path);
  }
  return changed;
}

// The parser is asked only when something changed: it costs a process, and the good copies are
// known to be good.
runtime::Task<void> look_at_configuration(Board* board, instance::Instance* instance,
                                          FilesFacts* facts) {
  facts->config_changed = changed_files(board->good_files);
  if (facts->config_changed.empty()) co_return;
  const auto checked = co_await instance->check_config();
  if (!checked) facts->config_error = checked.error().detail;
}

runtime::Task<void> look_at_programs(instance::Instance* instance, FilesFacts* facts) {
  const auto major = co_await instance->programs_major();
  if (major) facts->programs_major = *major;
  else if (major.error().code == ErrorCode::MissingBinary)
    facts->programs_missing = major.error().detail;
}

std::optional<runtime::Listener> stranger_on_port(const instance::Instance& instance) {
  const auto port = instance.port();
  return port == 0 ? std::nullopt : runtime::find_tcp_listener(port);
}

}  // namespace

std::filesystem::path log_of(const Board& board, const instance::Instance& instance) {
  if (!board.collected_log.empty()) return board.collected_log;
  return board.error_output.empty() ? instance.server_log() : board.error_output;
}

namespace {

// What was seen in one cluster says nothing of another that stands in its place: its databases
// would be missed, and those of a stranger taken for ours.
void note_cluster(Board& board, const instance::DataDirFacts& data_dir) {
  if (!data_dir.control) return;
  const auto cluster = data_dir.control->system_id;
  if (board.cluster.valid() && board.cluster != cluster) board.seen.catalog = {};
  board.cluster = cluster;
}

}  // namespace

void look_at_data_dir(Board& board, const instance::Instance& instance) {
  auto& files = board.seen.files;
  const auto before = files.data_dir.state;
  const auto read_only_before = files.data_dir.read_only;
  files.data_dir = instance.inspect_data_dir();
  note_cluster(board, files.data_dir);
  board.seen.reach = instance.capabilities();
  files.at = board.loop.now();
  const bool news = files.data_dir.state != before || files.data_dir.read_only != read_only_before;
  if (!files.seen || news) board.changed.notify_all();
  files.seen = true;
}

runtime::Task<void> look_at_hosting(Board* board, instance::Instance* instance) {
  auto facts = co_await instance->inspect_hosting();
  const auto now = board->loop.now();
  auto& hosting = board->seen.hosting;
  const bool twins = facts && !facts->twins.empty();
  const bool missing = facts && facts->error.empty() && !facts->exists;
  hosting.at = now;
  hosting.facts = std::move(facts);
  if (!missing) hosting.missing_since.reset();
  else if (!hosting.missing_since) hosting.missing_since = now;
  auto& lock = board->seen.files.lock;
  if (twins || lock.servers > 1) lock = instance->inspect_lock();
  if (board->in_doubt() || lock.servers > 1 || missing) board->changed.notify_all();
}

runtime::Task<void> watch_hosting(Board* board, instance::Instance* instance) {
  while (true) {
    co_await look_at_hosting(board, instance);
    const auto looked = board->loop.now();
    const auto due = [&] {
      const auto& missing = board->seen.hosting.missing_since;
      const bool new_missing = missing && board->loop.now() - *missing < kHostingEvery;
      return looked + (board->in_doubt() || new_missing ? kHostingInDoubt : kHostingEvery);
    };
    while (board->loop.now() < due()) static_cast<void>(co_await board->changed.wait_until(due()));
  }
}

runtime::Task<void> look_at_dead_server(Board* board, instance::Instance* instance) {
  co_await look_at_hosting(board, instance);
  const auto recent_log = co_await instance->recent_log();
  FilesFacts facts;
  facts.seen = true;
  facts.data_dir = instance->inspect_data_dir();
  note_cluster(*board, facts.data_dir);
  board->seen.reach = instance->capabilities();
  facts.lock = instance->inspect_lock();
  facts.port_listener = stranger_on_port(*instance);
  board->seen.server_log =
      recent_log ? server_log_facts(pg::ServerLogFormat::Stderr, *recent_log, board->loop.now())
                 : read_server_log(log_of(*board, *instance), board->loop.now());
  const bool readable = facts.data_dir.state == instance::DataDirState::Present;
  if (readable) co_await look_at_configuration(board, instance, &facts);
  if (readable) co_await look_at_programs(instance, &facts);
  facts.at = board->loop.now();
  board->seen.files = std::move(facts);
  board->changed.notify_all();
}

}  // namespace pgkeel::sense
