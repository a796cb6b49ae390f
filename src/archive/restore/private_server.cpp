// See private_server.hpp.
#include "archive/restore/private_server.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "instance/data_dir.hpp"
#include "instance/server_command.hpp"
#include "instance/server_processes.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPort = "5432";  // only names the socket
constexpr Millis kLookEvery{100};
constexpr Millis kLoginLimit{5'000};
constexpr Millis kAnswerLimit{24 * 3'600'000};  // a large table is counted and checked whole
constexpr Seconds kSilentMost{120};             // begun, and nobody gets through to it
constexpr Seconds kStopPatience{120};           // the shutdown checkpoint of a large server
constexpr std::size_t kLogBytesMax = 32U << 10U;
constexpr int kPreparedMin = 64;      // should the setting have been raised after the backup
constexpr std::size_t kWordsMax = 3;  // FATAL and ERROR lines quoted

// Prepared transactions need room in every server that replays them, also where the configuration
// that gave it lies elsewhere.
int room_for_prepared(const fs::path& data_dir) {
  const auto control = instance::read_control_file(data_dir);
  return std::max(kPreparedMin, control ? control->max_prepared_transactions : 0);
}

// What the restored configuration must not decide.
Settings isolation(const PrivateServerOptions& options) {
  const auto in_work_dir = [&options](const char* name) {
    return (options.work_dir / name).string();
  };
  return {{"data_directory", options.data_dir.string()},  // one in the file goes before -D
          {"listen_addresses", ""},
          {"unix_socket_directories", options.work_dir.string()},
          {"unix_socket_permissions", "0700"},
          {"port", kPort},
          {"hba_file", in_work_dir("pg_hba.conf")},
          {"ident_file", in_work_dir("pg_ident.conf")},
          {"external_pid_file", ""},
          {"archive_mode", "off"},
          {"archive_cleanup_command", ""},
          {"recovery_end_command", ""},
          {"primary_conninfo", ""},
          {"primary_slot_name", ""},
          {"synchronous_standby_names", ""},
          {"hot_standby", "off"},
          {"ssl", "off"},
          {"logging_collector", "off"},
          {"log_destination", "stderr"},
          {"lc_messages", "C"},
          {"max_wal_senders", "0"},
          {"max_prepared_transactions", std::to_string(room_for_prepared(options.data_dir))},
          {"max_logical_replication_workers", "0"},
          {"huge_pages", "off"},
          {"shared_buffers", "64MB"},
          {"autovacuum", "off"}};
}

// The last lines of the log that say what went wrong.
std::string last_words(const fs::path& log) {
  const auto text = runtime::read_file_tail(log, kLogBytesMax);
  if (!text) return {};
  std::vector<std::string> words;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    for (const char* level : {"FATAL:  ", "PANIC:  ", "last completed transaction was"})
      if (const auto at = line.find(level); at != std::string_view::npos)
        words.emplace_back(line.substr(at));
  }
  if (words.size() > kWordsMax) words.erase(words.begin(), words.end() - kWordsMax);
  return fmt::format("{}", fmt::join(words, "; "));
}

}  // namespace

Result<std::unique_ptr<PrivateServer>> PrivateServer::start(PrivateServerOptions options) {
  std::unique_ptr<PrivateServer> server(new PrivateServer(std::move(options)));
  TRY_VOID(server->write_hba());
  TRY_VOID(server->launch());
  return server;
}

// Only the owner of the directory can reach the socket, and that is who we are or act as.
Result<void> PrivateServer::write_hba() const {
  const runtime::FileMode mode{.mode = 0600, .owner = options_.account};
  TRY_VOID(
      runtime::write_file_atomic(options_.work_dir / "pg_hba.conf", "local all all trust\n", mode));
  return runtime::write_file_atomic(options_.work_dir / "pg_ident.conf", "", mode);
}

// A socket's lock file names a process, which after a crash may be anybody's; the server would not
// start then. The directory is ours alone, and so is the copy: no process of it, nobody's socket.
// In a container the number is one of its own, which is the server's anew.
void PrivateServer::clear_socket() const {
  if (options_.image) return;
  const auto scan = instance::scan_server_processes(options_.data_dir);
  if (!scan.processes.empty() || scan.sight != instance::Sight::Clear) return;
  const auto socket = options_.work_dir / (std::string(".s.PGSQL.") + kPort);
  std::error_code ignored;
  fs::remove(socket, ignored);
  fs::remove(socket.string() + ".lock", ignored);
}

Result<void> PrivateServer::launch() {
  clear_socket();
  instance::ServerCommand command;
  command.data_dir = options_.data_dir;
  command.settings = isolation(options_);
  command.settings.insert(command.settings.end(), options_.settings.begin(),
                          options_.settings.end());
  plan_.arguments = instance::command_line(command);
  plan_.arguments.erase(plan_.arguments.begin());  // the program, whose place the run knows
  plan_.data_dir = options_.data_dir;
  plan_.work_dir = options_.work_dir;
  plan_.others = options_.tablespaces;
  plan_.account = options_.account;
  auto run = options_.image ? run_in_image(*options_.image, plan_)
                            : run_as_process(options_.bin_dir, plan_);
  if (!run) return fail(run.error());
  run_ = std::move(*run);
  return {};
}

Error PrivateServer::died() const {
  const auto words = last_words(plan_.log_file());
  return Error(ErrorCode::ServerStartFailed,
               words.empty() ? "the restored server ended without a word" : words)
      .with_hint(fmt::format("The whole log is {}.", plan_.log_file().string()));
}

std::string conninfo_of(const PrivateServerOptions& options, const std::string& database) {
  pg::Conninfo conninfo;
  conninfo.host = options.work_dir.string();
  conninfo.port = kPort;
  conninfo.user = options.superuser;
  conninfo.database = database;
  return conninfo.to_keyword_value();
}

Result<client::ReplicationSession> connect_to(const PrivateServerOptions& options,
                                              const std::string& database) {
  TRY(conninfo, pg::parse_conninfo(conninfo_of(options, database)));
  client::ReplicationOptions session;
  session.mode = client::ReplicationMode::Sql;
  session.timeout = kLoginLimit;
  session.answer_timeout = kAnswerLimit;
  // An engine's directories let nobody through but root; the server in a container sees its own.
  if (!options.image) session.connect_as = options.account;
  return client::ReplicationSession::open(conninfo, session);
}

Result<void> PrivateServer::await_ready(const std::stop_token& stop,
                                        const std::function<void()>& tick) {
  auto answered = SteadyClock::now();
  while (true) {
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    TRY_VOID(alive());
    const auto session = connect("template1");
    if (session) return {};
    // Any answer but "not yet" is one that waiting does not change.
    const auto now = SteadyClock::now();
    const bool recovers = session.error().sqlstate == "57P03";
    if (recovers) answered = now;
    const bool not_yet = recovers || session.error().sqlstate.empty();
    if (!not_yet || now - answered > kSilentMost) return fail(session.error());
    if (tick) tick();
    std::this_thread::sleep_for(kLookEvery);
  }
}

Result<void> PrivateServer::alive() const {
  if (run_ && run_->alive()) return {};
  return fail(died());
}

Result<void> PrivateServer::stop() {
  if (!run_) return {};
  TRY(in_order, run_->stop(kStopPatience));
  run_.reset();
  if (!in_order) return fail(died());
  return {};
}

}  // namespace pgkeel::archive
