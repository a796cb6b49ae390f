// How long a commit takes to be seen on a standby that streams from the archive's relay, under
// load; beside one that streams from the primary itself.
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "archive/receive/receive.hpp"
#include "bench/failover.hpp"
#include "client/replication.hpp"
#include "shadow/relay/relay.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::bench {
namespace {

namespace fs = std::filesystem;
using test::PostgresServer;

constexpr int kMarks = 600;
constexpr double kRelayLagMsMax = 50;  // issue 7
constexpr Millis kMarkEvery{20};
constexpr int kLoadSeconds = 60;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

client::ReplicationSession session_on(const PostgresServer& server) {
  return must(client::ReplicationSession::open(must(pg::parse_conninfo(server.conninfo())),
                                               {.mode = client::ReplicationMode::Sql}));
}

// A receiver and its relay, as `pgkeel receive` joins them.
class Archive {
 public:
  Archive(const PostgresServer& primary, const fs::path& dir) : wake_(::eventfd(0, EFD_CLOEXEC)) {
    for (const auto* name : {"store", "state", "run", "cache"}) fs::create_directory(dir / name);
    test::give_to_server(dir / "run");
    request_.store.where = (dir / "store").string();
    request_.spool = dir / "store/incoming";
    request_.state_dir = dir / "state";
    request_.free_bytes_min = 0;
    request_.wake_fd = wake_.get();
    const archive::ServerAddress address{must(pg::parse_conninfo(primary.conninfo())), {}};
    request_.locate = [address] { return address; };
    request_.on_written = [this](TimelineId timeline, Lsn end) { relay_->received(timeline, end); };
    shadow::RelayOptions options;
    options.directory = dir / "run";
    options.system_id = must(parse_system_id(
        primary.rows("select system_identifier from pg_control_system()").front().front().value()));
    fs::create_directory(request_.spool);
    options.places = {
        request_.spool, dir / "cache", request_.store, {}, pg::kDefaultWalSegmentBytes};
    relay_ = must(shadow::Relay::start(std::move(options)));
    receiver_ = std::thread([this] { static_cast<void>(archive::receive(request_)); });
  }
  ~Archive() {
    ::eventfd_write(wake_.get(), 1);
    receiver_.join();
  }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

 private:
  runtime::Fd wake_;
  archive::ReceiveRequest request_;
  std::unique_ptr<shadow::Relay> relay_;
  std::thread receiver_;
};

void follow(PostgresServer& standby, const std::string& primary_conninfo) {
  const auto mark = standby.data_dir() / "standby.signal";
  std::ofstream(mark).close();
  test::give_to_server(mark);
  standby.append_config("primary_conninfo = '" + primary_conninfo + "'\n");
  standby.start();
}

// From the commit's answer until it is seen.
double lag_ms(client::ReplicationSession& standby, int mark, SteadyTime committed) {
  const auto sql = fmt::format("select count(*) as n from marks where id = {}", mark);
  while (*must(standby.run(sql)).at(0, "n") != "1") {
  }
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - committed).count();
}

struct Lags {
  std::vector<double> ms;
  [[nodiscard]] double at(double share) {
    std::ranges::sort(ms);
    return ms.at(static_cast<std::size_t>(share * static_cast<double>(ms.size() - 1)));
  }
};

// One mark is looked for on one of them, by turns: looking itself costs the machine something.
void measure_marks(const PostgresServer& primary, const PostgresServer& relayed,
                   const PostgresServer& direct, Lags& ours, Lags& theirs) {
  auto writer = session_on(primary);
  auto on_relayed = session_on(relayed);
  auto on_direct = session_on(direct);
  for (int mark = 0; mark < 2 * kMarks; ++mark) {
    must(writer.run(fmt::format("insert into marks values ({})", mark)));
    const auto committed = SteadyClock::now();
    if (mark % 2 == 0) ours.ms.push_back(lag_ms(on_relayed, mark, committed));
    else theirs.ms.push_back(lag_ms(on_direct, mark, committed));
    std::this_thread::sleep_for(kMarkEvery);
  }
}

}  // namespace

std::vector<Cell> measure_relay() {
  PostgresServer primary;
  const auto url = primary.conninfo();
  const auto pgbench = (primary.bin_dir() / "pgbench").string();
  test::run_child({pgbench, "-i", "-q", "-s", "10", url}, primary.temp_dir() / "pgbench.log");
  primary.query("create table marks (id int primary key)");
  primary.stop();
  test::PostgresOptions copy;
  copy.copy_of = primary.data_dir();
  copy.start = test::FirstStart::No;
  PostgresServer relayed(copy);
  PostgresServer direct(copy);
  primary.start();
  const Archive archive(primary, primary.temp_dir());
  follow(relayed, "host=" + (primary.temp_dir() / "run").string() + " user=shadow");
  follow(direct, primary.conninfo());
  const pid_t load = test::start_child(
      {pgbench, "-n", "-c", "4", "-j", "1", "-T", std::to_string(kLoadSeconds), url},
      primary.temp_dir() / "pgbench.log");
  Lags ours;
  Lags theirs;
  measure_marks(primary, relayed, direct, ours, theirs);
  ::kill(load, SIGTERM);
  ::waitpid(load, nullptr, 0);
  return {{"commit to seen through the relay, p50", "ms", ours.at(0.50)},
          {"commit to seen through the relay, p99", "ms", ours.at(0.99), kRelayLagMsMax},
          {"p99 beside a standby of the primary itself", "ms", ours.at(0.99), std::nullopt,
           Peer{theirs.at(0.99), "streaming replication 15"}}};
}

}  // namespace pgkeel::bench
