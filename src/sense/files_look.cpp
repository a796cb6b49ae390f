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

std::optional<runtime::Listener> stranger_on_port(const instance::Instance& instance) {
  const auto port = instance.port();
  return port == 0 ? std::nullopt : runtime::find_tcp_listener(port);
}

}  // namespace

std::filesystem::path log_of(const Board& board, const instance::Instance& instance) {
  if (!board.collected_log.empty()) return board.collected_log;
  return board.error_output.empty() ? instance.server_log() : board.error_output;
}

void look_at_data_dir(Board& board, const instance::Instance& instance) {
  auto& files = board.seen.files;
  const auto before = files.data_dir.state;
  files.data_dir = instance.inspect_data_dir();
  board.seen.reach = instance.capabilities();
  files.at = board.loop.now();
  if (!files.seen || files.data_dir.state != before) board.changed.notify_all();
  files.seen = true;
}

runtime::Task<void> look_at_hosting(Board* board, instance::Instance* instance) {
  auto facts = co_await instance->inspect_hosting();
  const bool twins = facts && !facts->twins.empty();
  board->seen.hosting = {board->loop.now(), std::move(facts)};
  auto& lock = board->seen.files.lock;
  if (twins || lock.servers > 1) lock = instance->inspect_lock();
  if (board->in_doubt() || lock.servers > 1) board->changed.notify_all();
}

runtime::Task<void> watch_hosting(Board* board, instance::Instance* instance) {
  while (true) {
    co_await look_at_hosting(board, instance);
    const auto looked = board->loop.now();
    const auto due = [&] { return looked + (board->in_doubt() ? kHostingInDoubt : kHostingEvery); };
    while (board->loop.now() < due()) static_cast<void>(co_await board->changed.wait_until(due()));
  }
}

runtime::Task<void> look_at_dead_server(Board* board, instance::Instance* instance) {
  co_await look_at_hosting(board, instance);
  const auto recent_log = co_await instance->recent_log();
  FilesFacts facts;
  facts.seen = true;
  facts.data_dir = instance->inspect_data_dir();
  board->seen.reach = instance->capabilities();
  facts.lock = instance->inspect_lock();
  facts.port_listener = stranger_on_port(*instance);
  board->seen.server_log =
      recent_log ? server_log_facts(pg::ServerLogFormat::Stderr, *recent_log, board->loop.now())
                 : read_server_log(log_of(*board, *instance), board->loop.now());
  const bool readable = facts.data_dir.state == instance::DataDirState::Present;
  if (readable) co_await look_at_configuration(board, instance, &facts);
  facts.at = board->loop.now();
  board->seen.files = std::move(facts);
  board->changed.notify_all();
}

}  // namespace pgkeel::sense
