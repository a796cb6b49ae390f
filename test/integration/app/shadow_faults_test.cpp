// The shadow when something is wrong with its disk, its archive or its primary: what it has stays,
// what it may not have is not given to it, and the primary serves on.
#include <sys/mount.h>
#include <csignal>

#include "base/strong.hpp"
#include "integration/app/shadow_scene.hpp"
#include "runtime/files.hpp"

namespace pgkeel::test {
namespace {

class ShadowFaults : public ShadowScene {
 protected:
  void follow() {
    ASSERT_NO_FATAL_FAILURE(back_up());
    start_shadow();
    ASSERT_TRUE(becomes("following")) << status().dump(2);
  }
  bool waits_for(std::string_view words) const {
    return wait_until(
        [&] {
          const auto now = status();
          return now.is_object() && now.value("state", "") == "waiting" &&
                 now["problem"].is_object() && now["problem"].value("message", "").contains(words);
        },
        kBuildPatience);
  }
  void configure(std::string_view name, const PostgresServer& server, std::string_view store) {
    binary_.write(name, fmt::format("state_dir = \"{0}-state\"\n[instance]\nkind = \"managed\"\n"
                                    "data_dir = \"{1}\"\n[archive]\nstore = \"{0}\"\n"
                                    "[shadow]\nenabled = true\ndata_dir = \"{2}\"\n",
                                    store, server.data_dir().string(), shadow_dir().string()));
  }
  // What every process of this machine sees there: as much room as it takes.
  static bool mount_at(const fs::path& place, const char* size, unsigned long flags = 0) {
    return ::mount("tmpfs", place.c_str(), "tmpfs", flags, size) == 0;
  }
};

TEST_F(ShadowFaults, WaitsWhileItsDiskIsFull) {
  // Goal: its own disk is short of room: it stops and says so, the primary is not disturbed, and
  // the same copy goes on when there is room (D8 X2).
  const auto place = make_place("disk");
  if (!mount_at(place, "size=1400m")) GTEST_SKIP() << "may not mount a tmpfs";
  give_to_server(place);
  binary_.write("pgkeel.toml", fmt::format("state_dir = \"state\"\n[instance]\nkind = \"managed\"\n"
                                           "data_dir = \"{}\"\n[archive]\nstore = \"store\"\n"
                                           "[shadow]\nenabled = true\ndata_dir = \"{}/shadow\"\n",
                                           server_.data_dir().string(), place.string()));
  receiver_.reset();
  receiver_.emplace(binary_, std::vector<std::string>{"receive"});
  ASSERT_NO_FATAL_FAILURE(follow());
  const auto directory = runtime::inode_of(place / "shadow");
  ASSERT_TRUE(directory);
  ASSERT_TRUE(mount_at(place, "size=450m", MS_REMOUNT));
  EXPECT_TRUE(waits_for("are free for the shadow")) << status().dump(2);
  add_orders(1001, 1100);
  ASSERT_TRUE(mount_at(place, "size=1400m", MS_REMOUNT));
  EXPECT_TRUE(becomes("following")) << status().dump(2);
  const auto end = *parse_lsn(server_.query("select pg_current_wal_flush_lsn()"));
  EXPECT_TRUE(wait_until(
      [&] {
        const auto now = status();
        const auto at = parse_lsn(now.is_object() ? now.value("replayed_lsn", "") : "");
        return at && *at >= end;
      },
      kBuildPatience))
      << status().dump(2);
  EXPECT_TRUE(runtime::inode_of(place / "shadow").value_or(runtime::InodeId()) == *directory);
  shadow_.reset();
  receiver_.reset();
  ::umount2(place.c_str(), MNT_DETACH);
}

TEST_F(ShadowFaults, ItsServerMayBeKilledAndItsPidBeAnybodys) {
  // Goal: its server is killed under it, and once more together with it, and another process has
  // the pid that the socket's lock file names: the same copy follows again (D6 X2).
  ASSERT_NO_FATAL_FAILURE(follow());
  const auto directory = runtime::inode_of(shadow_dir());
  ASSERT_TRUE(directory);
  const auto server = [this] {
    std::ifstream file(shadow_dir() / "postmaster.pid");
    pid_t pid = 0;
    file >> pid;
    return pid;
  };
  const auto first = server();
  ASSERT_GT(first, 0);
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  ASSERT_TRUE(wait_until([&] { return server() != first && shadow_has(1000); }, kBuildPatience));
  const auto second = server();
  shadow_->kill();
  // A server that still ends removes what is written here.
  ASSERT_TRUE(wait_until([second] { return ::kill(second, 0) != 0; }));
  std::ifstream primary(server_.data_dir() / "postmaster.pid");  // a process of the same account
  std::string pid;
  ASSERT_TRUE(std::getline(primary, pid));
  std::ofstream(socket_dir() / ".s.PGSQL.5432.lock") << pid << "\n/elsewhere\n1\n5432\n"
                                                     << socket_dir().string() << "\n\n";
  start_shadow();
  add_orders(1001, 1100);
  EXPECT_TRUE(shadow_has(1100)) << status().dump(2);
  EXPECT_TRUE(runtime::inode_of(shadow_dir()).value_or(runtime::InodeId()) == *directory);
}

TEST_F(ShadowFaults, ASegmentThatIsGoneIsNamedAndTheNextBackupServes) {
  // Goal: WAL it has not replayed is in the archive no more: it says which and where, replays
  // nothing beyond, and is built anew from the next backup (D7 X4).
  ASSERT_NO_FATAL_FAILURE(follow());
  const auto backup = status().value("backup", "");
  shadow_.reset();
  add_orders(1001, 1100);
  const auto segment = server_.query("select pg_walfile_name(pg_current_wal_lsn())");
  server_.query("select pg_switch_wal()");
  add_orders(1101, 1200);
  server_.query("select pg_switch_wal()");
  const auto files_of_it = [&] {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(binary_.dir()))
      if (entry.path().filename().string().contains(segment)) found.push_back(entry.path());
    return found;
  };
  const auto in_store = [&] {
    return std::ranges::any_of(files_of_it(), [&](const fs::path& file) {
      return file.string().starts_with((binary_.dir() / "store/wal").string());
    });
  };
  ASSERT_TRUE(wait_until(in_store, kBuildPatience));
  receiver_.reset();
  for (const auto& file : files_of_it()) fs::remove(file);
  receiver_.emplace(binary_, std::vector<std::string>{"receive"});
  start_shadow();
  ASSERT_TRUE(waits_for(segment)) << status().dump(2);
  EXPECT_NE(ask("select count(*) from orders"), "1200") << "it replayed beyond what is missing";
  add_orders(1201, 1300);
  ASSERT_NO_FATAL_FAILURE(back_up());
  ASSERT_TRUE(shadow_has(1300)) << status().dump(2);
  EXPECT_NE(status().value("backup", ""), backup);
}

TEST_F(ShadowFaults, IsBuiltAnewWhereItIsAnotherClusters) {
  // Goal: rule 1 and X8: a copy of another system identifier is never fed nor served: it is made
  // anew from the archive it is of now.
  ASSERT_NO_FATAL_FAILURE(follow());
  shadow_.reset();
  PostgresOptions options;
  options.identity = Identity::Fresh;
  PostgresServer other(options);
  other.query("create table orders as select generate_series(1, 7) as id");
  configure("other.toml", other, "other");
  const Background receiver(binary_, {"receive", "--config", "other.toml"});
  const auto backed_up = binary_.run({"backup", "now", "--config", "other.toml"});
  ASSERT_EQ(backed_up.exit_code, 0) << backed_up.err << backed_up.out;
  const Background shadow(binary_, {"shadow", "--config", "other.toml"});
  EXPECT_TRUE(shadow_has(7));
  EXPECT_EQ(ask("select system_identifier from pg_control_system()"),
            other.query("select system_identifier from pg_control_system()"));
}

TEST_F(ShadowFaults, KeepsWhatWasPrepared) {
  // Goal: a transaction that was prepared and not yet decided when the server was lost is there to
  // be committed in what is served from the shadow (D7 D14 X2).
  server_.append_config("max_prepared_transactions = 5\n");
  server_.restart();
  ASSERT_NO_FATAL_FAILURE(follow());
  server_.query("begin; insert into orders values (5000, 'prepared'); prepare transaction 'later'");
  const auto end = server_.query("select pg_current_wal_flush_lsn()");
  ASSERT_TRUE(
      wait_until([&] { return ask("select pg_last_wal_replay_lsn() >= '" + end + "'") == "t"; },
                 kBuildPatience))
      << status().dump(2);
  server_.kill9();
  server_.await_processes_gone();
  const auto into = make_place("restored");
  const auto ran = binary_.run({"restore", "--into", into.string(), "--from-shadow", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err << ran.out;
  EXPECT_EQ(json::parse(ran.out).value("from", ""), "shadow") << ran.out;
  PostgresServer copy({.copy_of = into});
  copy.query("commit prepared 'later'");
  EXPECT_EQ(copy.query("select count(*) from orders"), "1001");
}

TEST_F(ShadowFaults, ACopyOfItThatIsKilledLeavesBothAsTheyWere) {
  // Goal: rule 6: killed with a second copy of the shadow half made, the next undrop clears it away
  // and finishes; the shadow goes on as the one it was, and nothing is there twice (D6 X1).
  ASSERT_NO_FATAL_FAILURE(follow());
  const auto directory = runtime::inode_of(shadow_dir());
  ASSERT_TRUE(directory);
  const std::vector<std::string> words{
      "undrop",      "postgres.public.orders", "--at",  "latest", "--as",
      "orders_copy", "--from-shadow",          "--json"};
  ASSERT_TRUE(binary_.is_killed(words, {{"PGKEEL_CRASH_AT", "shadow_copy.copied"},
                                        {"PGKEEL_CRASH_MARK", (binary_.dir() / "mark").string()}}));
  shadow_.reset();
  start_shadow();
  ASSERT_TRUE(becomes("following")) << status().dump(2);
  const auto ran = binary_.run(words);
  ASSERT_EQ(ran.exit_code, 0) << ran.err << ran.out;
  EXPECT_EQ(json::parse(ran.out).value("from", ""), "shadow") << ran.out;
  EXPECT_EQ(server_.query("select count(*) from orders_copy"), "1000");
  shadow_.reset();
  start_shadow();
  add_orders(1001, 1100);
  ASSERT_TRUE(shadow_has(1100)) << status().dump(2);
  EXPECT_TRUE(runtime::inode_of(shadow_dir()).value_or(runtime::InodeId()) == *directory);
}

TEST_F(ShadowFaults, IsNotFedByAServerThatWentBack) {
  // Goal: rule 2 and X8: the primary comes back as it was an hour ago (a snapshot of its machine)
  // and goes on writing: none of that reaches archive or shadow, which keep what was lost.
  const auto earlier = server_.temp_dir() / "earlier";
  server_.stop();
  const auto copy = fmt::format("cp -a {} {}", server_.data_dir().string(), earlier.string());
  ASSERT_EQ(std::system(copy.c_str()), 0);
  server_.start();
  ASSERT_NO_FATAL_FAILURE(follow());
  add_orders(1001, 2000);
  ASSERT_TRUE(shadow_has(2000)) << status().dump(2);
  server_.stop(Shutdown::Immediate);
  fs::remove_all(server_.data_dir());
  fs::rename(earlier, server_.data_dir());
  server_.start();
  add_orders(1001, 1003);
  ASSERT_TRUE(wait_until(
      [&] {
        std::ifstream file(binary_.dir() / "state/receive.json");
        const auto told = json::parse(file, nullptr, false);
        return told.is_object() && told.dump().contains("nothing of it is archived");
      },
      kBuildPatience));
  EXPECT_EQ(ask("select count(*) from orders"), "2000");
  EXPECT_EQ(server_.query("select count(*) from orders"), "1003");
}

}  // namespace
}  // namespace pgkeel::test
