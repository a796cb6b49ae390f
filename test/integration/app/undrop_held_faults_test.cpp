// Bringing back what the shadow was kept from, while one of those it takes dies, the time runs out
// or the disk is short: all of it is back in the end, once, or nothing was done.
#include <sys/mount.h>
#include <csignal>

#include "client/replication.hpp"
#include "integration/app/held_scene.hpp"
#include "shadow/gate/status.hpp"

namespace pgkeel::test {
namespace {

using testing::Contains;
using testing::HasSubstr;

class UndropHeldFaults : public UndropHeld {
 protected:
  // Whoever writes to the orders waits, and so does an undrop of what refers to them, in the middle
  // of its transaction.
  void lock_orders() {
    auto session = client::ReplicationSession::open(*pg::parse_conninfo(server_.conninfo("shop")),
                                                    {.mode = client::ReplicationMode::Sql});
    ASSERT_TRUE(session) << session.error().message();
    holder_.emplace(*std::move(session));
    ASSERT_TRUE(holder_->run("begin; lock table orders in access exclusive mode"));
  }
  bool waits_in_its_transaction() const {
    return wait_until([&] {
      return server_.query(
                 "select count(*) > 0 from pg_stat_activity where application_name = "
                 "'pgkeel undrop' and wait_event_type = 'Lock'") == "t";
    });
  }
  void kill_shadows_server() const {
    std::ifstream file(shadow_dir() / "postmaster.pid");
    pid_t pid = 0;
    ASSERT_TRUE(file >> pid);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
  }
  std::optional<client::ReplicationSession> holder_;
};

class UndropHeldDeath : public UndropHeldFaults, public testing::WithParamInterface<const char*> {
 protected:
  void kill() {
    const std::string_view who = GetParam();
    if (who == "server") server_.kill9();
    else if (who == "shadows_server") kill_shadows_server();
    else if (who == "shadow") shadow_->kill();
    else receiver_->kill();
  }
  void bring_up_again() {
    const std::string_view who = GetParam();
    if (who == "server") server_.start();
    if (who == "shadow") start_shadow();
    if (who != "receiver") return;
    receiver_.emplace(binary_, std::vector<std::string>{"receive"});
  }
};

TEST_P(UndropHeldDeath, WhoeverDiesMeanwhileTheTableIsBackOnce) {
  // Goal: X1: SIGKILL to one of them while the table is half put back: it is back then or when it
  // is asked for again, whole and once, and the shadow goes on.
  in_shop("truncate scratch_pad");  // unlogged: a crash empties it
  before_ = picture();
  in_shop("drop table lines");
  ASSERT_TRUE(is_lost("lines dropped kept")) << gate().dump(2);
  ASSERT_NO_FATAL_FAILURE(lock_orders());
  Background first(binary_, {"undrop", "shop.public.lines"});
  ASSERT_TRUE(waits_in_its_transaction());
  kill();
  holder_.reset();
  const auto ended = first.await_end();
  bring_up_again();
  ASSERT_TRUE(becomes("following")) << status().dump(2);
  const bool back = in_shop("select to_regclass('lines') is not null") == "t";
  EXPECT_EQ(back, ended.ok()) << "what it said is not what it did";
  if (!back) EXPECT_EQ(undrop("shop.public.lines")["rows"], 50);
  EXPECT_TRUE(has_all(kBuildPatience)) << status().dump(2) << gate().dump(2);
  EXPECT_EQ(picture(), before_);
}

INSTANTIATE_TEST_SUITE_P(Every, UndropHeldDeath,
                         testing::Values("server", "shadows_server", "shadow", "receiver"),
                         [](const auto& who) { return std::string(who.param); });

TEST_F(UndropHeldFaults, TheTimeDoesNotRunOutUnderAnUndrop) {
  // Goal: X1: the hold's time is over while the table is half put back: it is kept until that has
  // ended, and the table comes out of the shadow.
  ASSERT_NO_FATAL_FAILURE(begin("12s"));
  in_shop("drop table lines");
  ASSERT_TRUE(is_lost("lines dropped kept")) << gate().dump(2);
  const auto until = *parse_iso8601(entries().at(0)["until"].get<std::string>());
  // It waits for a lock no longer than five seconds.
  ASSERT_TRUE(wait_until([until] { return wall_now() > until - Seconds(4); }));
  ASSERT_NO_FATAL_FAILURE(lock_orders());
  Background waiting(binary_, {"undrop", "shop.public.lines"});
  ASSERT_TRUE(waits_in_its_transaction());
  ASSERT_TRUE(wait_until([until] { return wall_now() > until + Millis(100); }));
  EXPECT_THAT(lost(), Contains("lines dropped kept"));
  holder_.reset();
  EXPECT_TRUE(waiting.await_end().ok());
  EXPECT_EQ(picture(), before_);
  EXPECT_TRUE(has_all());
}

TEST_F(UndropHeldFaults, OnlyWrittenDownWhereItIsOff) {
  // Goal: X1: shadow.undrop = "off": what was dropped is named in the list, and the shadow goes on
  // within moments.
  ASSERT_NO_FATAL_FAILURE(begin("30min", "undrop = \"off\"\n"));
  in_shop("drop table lines");
  EXPECT_TRUE(is_lost("lines dropped expired")) << gate().dump(2);
  EXPECT_TRUE(has_all());
  const auto done = undrop("shop.public.lines");
  EXPECT_EQ(done["from"], "backup");
  EXPECT_EQ(picture(), before_);
}

TEST_F(UndropHeldFaults, ADiskThatIsShortIsSaidAndNothingIsDone) {
  // Goal: X1: no room for what an undrop leaves meanwhile: refused with what it takes, the shadow
  // stays kept, and with room it comes out of it.
  const auto place = make_place("small");
  if (::mount("tmpfs", place.c_str(), "tmpfs", 0, "size=1m,mode=1777") != 0)
    GTEST_SKIP() << "may not mount a tmpfs";
  configure("30min", fmt::format("drill_dir = \"{}\"\n", place.string()));
  in_shop("drop table lines");
  ASSERT_TRUE(is_lost("lines dropped kept")) << gate().dump(2);
  const auto refused = binary_.run({"undrop", "shop.public.lines"});
  ::umount2(place.c_str(), MNT_DETACH);
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("free in"));
  EXPECT_EQ(in_shop("select to_regclass('lines') is null"), "t");
  EXPECT_THAT(lost(), Contains("lines dropped kept"));
  configure("30min");
  EXPECT_EQ(undrop("shop.public.lines")["from"], "shadow");
  EXPECT_EQ(picture(), before_);
}

TEST_F(UndropHeldFaults, DroppedWhileABackupIsTakenItIsThere) {
  // Goal: X1: a table that goes while a base backup is taken: out of the shadow as ever; and out of
  // that very backup's predecessor once the shadow has gone on.
  in_shop(
      "create table wide as select i as id, repeat('x', 1000) as pad from generate_series(1, "
      "60000) i");
  in_shop("alter table wide add primary key (id)");
  ASSERT_TRUE(has_all());
  const auto before = picture();
  Background backup(binary_, {"backup", "now"});
  ASSERT_TRUE(wait_until(
      [&] { return server_.query("select count(*) from pg_stat_progress_basebackup") == "1"; }));
  in_shop("drop table wide");
  in_shop("drop table lines");
  ASSERT_EQ(server_.query("select count(*) from pg_stat_progress_basebackup"), "1")
      << "it was over before";
  EXPECT_TRUE(backup.await_end().ok());
  EXPECT_EQ(undrop("shop.public.wide")["from"], "shadow") << gate().dump(2);
  const auto lines = *parse_lsn(entries().back().value("decided", ""));
  ASSERT_TRUE(shadow::ask_for_release(binary_.dir() / "state", {lines, {}}));
  EXPECT_TRUE(has_all());
  EXPECT_EQ(undrop("shop.public.lines")["from"], "backup") << gate().dump(2);
  EXPECT_EQ(picture(), before);
}

TEST_F(UndropHeldFaults, ADelayedStandbysTrapIsNone) {
  // Goal: X1: a delayed standby has replayed the drop's lock, and replays the drop when it is
  // promoted. Here the table can be read while it is kept, and nobody waits for a lock.
  in_shop("drop table lines");
  ASSERT_TRUE(is_lost("lines dropped kept")) << gate().dump(2);
  EXPECT_EQ(ask("set lock_timeout to '100ms'; select count(*) from lines", "shop"), "50");
  EXPECT_EQ(ask("select count(*) from pg_locks where mode = 'AccessExclusiveLock'"), "0");
  EXPECT_EQ(undrop("shop.public.lines")["from"], "shadow");
  EXPECT_EQ(picture(), before_);
}

}  // namespace
}  // namespace pgkeel::test
