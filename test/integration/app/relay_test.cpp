// Real standbys of every major that stream from the archive instead of from their primary: through
// whole segments and parts of them, restarts, a lost primary and a switch of timeline.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "integration/app/background.hpp"
#include "integration/app/binary.hpp"
#include "integration/pg/majors.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;

class Relay : public EveryMajor {
 protected:
  void SetUp() override {
    EveryMajor::SetUp();
    if (IsSkipped()) return;
    auto settings = options();
    settings.settings.emplace_back("wal_level", "replica");
    primary_.emplace(settings);
    primary().query("create table orders (id int primary key, note text)");
    primary().stop();
    standby_.emplace(copy_of(primary()));
    primary().start();
    binary_.write("pgkeel.toml", "state_dir = \"state\"\n[instance]\nkind = \"managed\"\n" +
                                     fmt::format("data_dir = \"{}\"\n", data_dir()) +
                                     "[archive]\nstore = \"store\"\n[shadow]\nenabled = true\n");
    receiver_.emplace(binary_, std::vector<std::string>{"receive"});
    ASSERT_TRUE(wait_until([&] {
      return primary().query(
                 "select count(*) from pg_stat_replication where state = 'streaming'") == "1";
    }));
    switch_segment();  // with its first segment the archive knows whose it is
    ASSERT_TRUE(wait_until([&] { return fs::exists(run_directory() / ".s.PGSQL.5432"); }));
  }
  PostgresOptions copy_of(const PostgresServer& original) const {
    auto of_copy = options();
    of_copy.copy_of = original.data_dir();
    of_copy.start = FirstStart::No;
    return of_copy;
  }
  PostgresServer& primary() { return *primary_; }
  PostgresServer& standby() { return *standby_; }
  std::string data_dir() { return primary().data_dir().string(); }
  fs::path run_directory() { return data_dir() + ".pgkeel-shadow.run"; }

  void follow_relay(PostgresServer& server) {
    const auto mark = server.data_dir() / "standby.signal";
    std::ofstream(mark).close();
    give_to_server(mark);
    server.append_config("primary_conninfo = 'host=" + run_directory().string() +
                         " user=pgkeel_shadow application_name=shadow'\n"
                         "wal_retrieve_retry_interval = '200ms'\n"
                         "recovery_target_timeline = 'latest'\n");
    server.start();
  }
  void add_orders(int from, int to) {
    primary().query(
        fmt::format("insert into orders select i, repeat('x', 1000) from "
                    "generate_series({}, {}) i",
                    from, to));
  }
  void switch_segment() { primary().query("select pg_switch_wal()"); }
  static bool has_orders(PostgresServer& server, int count) {
    return wait_until([&] {
      return server.accepts_login() &&
             server.query("select count(*) from orders") == std::to_string(count);
    });
  }
  // Nothing waits in the spool but the segment that is being received.
  bool spool_is_shipped() {
    return wait_until([&] {
      int whole = 0;
      for (const auto& entry : fs::directory_iterator(binary_.dir() / "store/incoming"))
        whole += entry.path().extension() == ".partial" ? 0 : 1;
      return whole == 0;
    });
  }
  std::string trouble(PostgresServer& server) { return server.log(); }

  std::optional<PostgresServer> primary_;
  std::optional<PostgresServer> standby_;
  Binary binary_;
  std::optional<Background> receiver_;
};

TEST_P(Relay, AStandbyFollowsAndCatchesUp) {
  // Goal: rows arrive while they are written, over the end of a segment, in one record longer than
  // many messages, and after a pause in which their WAL has left the spool for the store (D7 D17).
  follow_relay(standby());
  add_orders(1, 100);
  ASSERT_TRUE(has_orders(standby(), 100)) << trouble(standby());
  switch_segment();
  add_orders(101, 200);
  primary().query("select pg_logical_emit_message(false, 'long', repeat('x', 3000000))");
  add_orders(201, 300);
  ASSERT_TRUE(has_orders(standby(), 300)) << trouble(standby());
  standby().stop();
  add_orders(301, 20000);  // more than a segment
  switch_segment();
  add_orders(20001, 20100);
  ASSERT_TRUE(spool_is_shipped());
  standby().start();
  ASSERT_TRUE(has_orders(standby(), 20100)) << trouble(standby());
  EXPECT_FALSE(standby().log().contains("incorrect resource manager"));
}

TEST_P(Relay, AllThereIsIsGivenWhenThePrimaryIsLost) {
  // Goal: the primary is gone and the receiver begins without it: a standby is given everything
  // that had been received, to the last commit, and waits there (D7 D14).
  add_orders(1, 500);
  switch_segment();
  add_orders(501, 600);
  follow_relay(standby());
  ASSERT_TRUE(has_orders(standby(), 600)) << trouble(standby());
  standby().stop();
  add_orders(601, 700);
  const auto end = primary().query("select pg_current_wal_flush_lsn()");
  ASSERT_TRUE(wait_until([&] {
    return primary().query("select bool_or(flush_lsn >= '" + end + "') from pg_stat_replication") ==
           "t";
  }));
  primary().kill9();
  primary().await_processes_gone();
  receiver_.reset();
  receiver_.emplace(binary_, std::vector<std::string>{"receive"});
  standby().start();
  ASSERT_TRUE(has_orders(standby(), 700)) << trouble(standby());
  EXPECT_EQ(standby().query("select pg_is_in_recovery()"), "t");
}

TEST_P(Relay, AStandbyGoesOnToTheNextTimeline) {
  // Goal: a primary that was recovered onto timeline 2: the standby is told, asks for its history
  // and follows (D7 D17).
  follow_relay(standby());
  add_orders(1, 100);
  ASSERT_TRUE(has_orders(standby(), 100)) << trouble(standby());
  primary().stop();
  const auto mark = primary().data_dir() / "standby.signal";
  std::ofstream(mark).close();
  give_to_server(mark);
  primary().append_config("restore_command = 'false'\n");
  primary().start();
  primary().query("select pg_promote()");
  add_orders(101, 200);
  EXPECT_EQ(primary().query("select timeline_id from pg_control_checkpoint()"), "2");
  ASSERT_TRUE(has_orders(standby(), 200)) << trouble(standby());
  EXPECT_EQ(standby().query("select received_tli from pg_stat_wal_receiver"), "2");
}

PGKEEL_FOR_EVERY_MAJOR(Relay);

// Says something at the relay's socket as an account; what was answered until it closed.
std::string say_as(uid_t uid, const fs::path& socket, std::string_view words) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::setuid(uid) != 0 ||
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      ::_exit(1);
    static_cast<void>(::send(fd, words.data(), words.size(), MSG_NOSIGNAL));
    std::array<char, 4096> answer{};
    while (true) {
      const auto got = ::recv(fd, answer.data(), answer.size(), 0);
      if (got <= 0 || ::write(pipe[1], answer.data(), static_cast<std::size_t>(got)) != got) break;
    }
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string answer;
  std::array<char, 4096> part{};
  for (auto got = ::read(pipe[0], part.data(), part.size()); got > 0;
       got = ::read(pipe[0], part.data(), part.size()))
    answer.append(part.data(), static_cast<std::size_t>(got));
  ::close(pipe[0]);
  ::waitpid(child, nullptr, 0);
  return answer;
}

class RelayDoor : public Relay {};

TEST_P(RelayDoor, IsClosedToStrangersAndToNonsense) {
  // Goal: another account is given nothing, not even an error; what is no replication session is
  // told so; a length that cannot be ends the connection; the standby streams on (X4).
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  follow_relay(standby());
  add_orders(1, 10);
  ASSERT_TRUE(has_orders(standby(), 10)) << trouble(standby());
  const auto socket = run_directory() / ".s.PGSQL.5432";
  fs::permissions(run_directory(), fs::perms{0755});
  using namespace std::string_literals;
  const auto startup = "\0\0\0\x17\0\3\0\0user\0somebody\0\0"s;
  constexpr uid_t kNobody = 65534;
  EXPECT_EQ(say_as(kNobody, socket, startup), "");
  EXPECT_TRUE(say_as(0, socket, startup).contains("only replication connections"));
  EXPECT_TRUE(say_as(0, socket, "\x7f\0\0\0 GET / HTTP/1.1"s).contains("a startup packet of"));
  EXPECT_TRUE(say_as(0, socket, "\0\0\0\x08\0\2\0\0"s).contains("protocol version 2.0"));
  add_orders(11, 20);
  ASSERT_TRUE(has_orders(standby(), 20)) << trouble(standby());
}

INSTANTIATE_TEST_SUITE_P(Postgres, RelayDoor, testing::Values(15), major_name);

}  // namespace
}  // namespace pgkeel::test
